//! How much one document, and one evaluation, may take.
//!
//! This room knows numbers. It must never know who counts.

/// The bounds of one run. Whatever goes beyond one of them ends in a diagnostic that names the bound.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one document's text.
    pub document_bytes: usize,
    /// Levels of lists and maps in one document, or in one JSON text.
    pub document_depth: usize,
    /// Environments that import one another, counted from the root.
    pub import_depth: usize,
    /// Environments that one run loads.
    pub imports: usize,
    /// Expressions, copies and comparisons of one run.
    pub steps: u64,
    /// Bytes of text that one run may produce by joining, encoding and interpolating.
    pub text_bytes: u64,
    /// Expressions that wait for one another.
    pub evaluation_depth: usize,
    /// Levels of one value, the values beneath it in a merge included.
    pub value_depth: u32,
    /// Diagnostics of one run; the rest is counted, not kept.
    pub diagnostics: usize,
    /// Bytes of a result as JSON.
    pub output_bytes: usize,
    /// Schemas that a result shows, each with those within it.
    pub output_schemas: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 1 << 20,
            document_depth: 100,
            import_depth: 32,
            imports: 256,
            steps: 1_000_000,
            text_bytes: 32 << 20,
            evaluation_depth: 160,
            value_depth: 256,
            diagnostics: 1_000,
            output_bytes: 16 << 20,
            output_schemas: 250_000,
        }
    }
}
