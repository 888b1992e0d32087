//! The questions that belong to no type: who are you, which regions are open, and Cloud Control's two.
//!
//! This room knows these five operations. It must never know what is done with the answers.

use super::data::{
    Call, Service,
    catalogue::{File, read},
};
use crate::CloudError;
use std::sync::OnceLock;

const STS: &str = r#"
[service]
name = "sts"
protocol = "query"
endpoint = "sts"
version = "2011-06-15"
[[type]]
token = "identity"
id = "{Arn}"
[type.list]
op = "GetCallerIdentity"
action = "sts:GetCallerIdentity"
items = ""
"#;
const STS_SHAPES: &str = r#"{"operations":{"GetCallerIdentity":{"shape":"Out","wrapper":"GetCallerIdentityResult"}},
"shapes":{"Out":{"k":"o","m":{"UserId":["UserId","s",""],"Account":["Account","s",""],"Arn":["Arn","s",""]}}}}"#;
const REGIONS: &str = r#"
[service]
name = "ec2-regions"
protocol = "ec2"
endpoint = "ec2"
version = "2016-11-15"
[[type]]
token = "region"
id = "{RegionName}"
[type.list]
op = "DescribeRegions"
action = "ec2:DescribeRegions"
items = "Regions[].RegionName"
"#;
const REGIONS_SHAPES: &str = r#"{"operations":{"DescribeRegions":{"shape":"Out","wrapper":null}},
"shapes":{"Out":{"k":"o","m":{"Regions":["regionInfo","List",""]}},"List":{"k":"l","e":"item","of":"Region"},
"Region":{"k":"o","m":{"RegionName":["regionName","s",""],"OptInStatus":["optInStatus","s",""]}}}}"#;
const ACCOUNT: &str = r#"
[service]
name = "account"
protocol = "rest-json"
endpoint = "account"
global = { aws = "us-east-1", aws-cn = "cn-northwest-1" }
[[type]]
token = "region"
id = "{RegionName}"
[type.list]
op = "ListRegions"
action = "account:ListRegions"
method = "POST"
uri = "/list-regions"
params = { MaxResults = 50, RegionOptStatusContains = ["ENABLED", "ENABLED_BY_DEFAULT"] }
items = "Regions[].RegionName"
page = { token = "NextToken", from = "NextToken" }
"#;
const CLOUD_CONTROL: &str = r#"
[service]
name = "cloudcontrol"
protocol = "json-1.0"
endpoint = "cloudcontrolapi"
target = "CloudApiService"
[[type]]
token = "resource"
id = "{Identifier}"
[type.list]
op = "ListResources"
action = "cloudformation:ListResources"
items = "ResourceDescriptions[]"
page = { token = "NextToken", from = "NextToken" }
[[type.read]]
op = "GetResource"
action = "cloudformation:GetResource"
"#;

/// The five operations.
#[derive(Debug)]
pub(crate) struct Asked {
    sts: File,
    regions: File,
    account: File,
    cloud_control: File,
}

/// An operation and whom it is put to.
pub(crate) type Question = (&'static Service, &'static Call);

/// The operations, read once.
///
/// # Errors
/// [`CloudError::Setting`]; a test holds that there is none.
pub(crate) fn asked() -> Result<&'static Asked, CloudError> {
    static ALL: OnceLock<Result<Asked, String>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        Ok(Asked {
            sts: described("sts", STS, STS_SHAPES)?,
            regions: described("ec2-regions", REGIONS, REGIONS_SHAPES)?,
            account: described("account", ACCOUNT, "")?,
            cloud_control: described("cloudcontrol", CLOUD_CONTROL, "")?,
        })
    });
    all.as_ref().map_err(|why| CloudError::Setting(why.clone()))
}

/// A service's description with the shapes of its answers, where there are any.
pub(super) fn described(name: &str, text: &str, shapes: &str) -> Result<File, String> {
    let mut file = read(name, text)?;
    if !shapes.is_empty() {
        file.service.shapes = serde_json::from_str(shapes).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(file)
}

/// The only operation of a description.
pub(super) fn list(file: &'static File) -> Result<Question, CloudError> {
    let first = file.types.first().ok_or_else(|| CloudError::Setting("no such question".into()))?;
    Ok((&file.service, &first.list))
}

impl Asked {
    /// `GetCallerIdentity`
    pub(crate) fn identity(&'static self) -> Result<Question, CloudError> {
        list(&self.sts)
    }
    /// `DescribeRegions`
    pub(crate) fn regions(&'static self) -> Result<Question, CloudError> {
        list(&self.regions)
    }
    /// `account:ListRegions`
    pub(crate) fn account_regions(&'static self) -> Result<Question, CloudError> {
        list(&self.account)
    }
    /// Cloud Control's `ListResources`
    pub(crate) fn resources(&'static self) -> Result<Question, CloudError> {
        list(&self.cloud_control)
    }
    /// Cloud Control's `GetResource`
    pub(crate) fn resource(&'static self) -> Result<Question, CloudError> {
        let (service, _) = self.resources()?;
        let read = self.cloud_control.types.first().and_then(|t| t.read.first());
        read.map(|call| (service, call)).ok_or_else(|| CloudError::Setting("no such question".into()))
    }
}
