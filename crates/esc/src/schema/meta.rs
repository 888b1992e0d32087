//! The schema of schemas, which `fn::validate` checks its first argument with.

use super::{Schema, SchemaRef, parse};
use crate::json::Json;
use std::sync::{Arc, LazyLock};

const TEXT: &str = r##"{"$ref":"#/$defs/schema","$defs":{"schema":{"anyOf":[{"type":"boolean"},{"type":"object","properties":{
"$defs":{"type":"object","additionalProperties":{"$ref":"#/$defs/schema"}},
"$ref":{"type":"string"},
"anyOf":{"type":"array","items":{"$ref":"#/$defs/schema"}},
"oneOf":{"type":"array","items":{"$ref":"#/$defs/schema"}},
"prefixItems":{"type":"array","items":{"$ref":"#/$defs/schema"}},
"items":{"$ref":"#/$defs/schema"},
"additionalProperties":{"$ref":"#/$defs/schema"},
"properties":{"type":"object","additionalProperties":{"$ref":"#/$defs/schema"}},
"type":{"type":"string","enum":["string","number","boolean","array","object","null"]},
"const":{},
"enum":{"type":"array"},
"multipleOf":{"type":"number"},
"maximum":{"type":"number"},
"exclusiveMaximum":{"type":"number"},
"minimum":{"type":"number"},
"exclusiveMinimum":{"type":"number"},
"maxLength":{"type":"number"},
"minLength":{"type":"number"},
"pattern":{"type":"string"},
"maxItems":{"type":"number"},
"minItems":{"type":"number"},
"uniqueItems":{"type":"boolean"},
"maxProperties":{"type":"number"},
"minProperties":{"type":"number"},
"required":{"type":"array","items":{"type":"string"}},
"dependentRequired":{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}},
"title":{"type":"string"},
"description":{"type":"string"},
"default":{},
"deprecated":{"type":"boolean"},
"examples":{"type":"array"}
}}]}}}"##;

/// The schema of schemas.
#[must_use]
pub fn json_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let parsed = Json::parse(TEXT, 32).and_then(|json| parse::parse(&json));
        parsed.unwrap_or_else(|_| Arc::new(Schema::default()))
    });
    SCHEMA.clone()
}

impl Schema {
    /// Reads a schema from its JSON.
    ///
    /// # Errors
    /// A keyword whose value has the wrong type.
    pub fn from_json(json: &Json) -> Result<SchemaRef, String> {
        parse::parse(json)
    }
}
