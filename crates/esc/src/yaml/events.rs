//! Events of the YAML library to nodes.

use super::position::Lines;
use super::scalar::{Resolved, resolve};
use super::{Document, Key, Kind, Node, Span, Style};
use crate::diag::{Diagnostic, Origin, Pos, Range};
use crate::limits::Limits;
use crate::path::{join_index, join_key};
use libyaml_safer::{
    Error, ErrorKind, Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, Scanner, SequenceStyle, TokenData,
};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Reads the first document.
pub(super) fn read(name: &str, text: &str, limits: &Limits) -> Result<Document, Vec<Diagnostic>> {
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut reader = Reader {
        parser,
        text,
        lines: Lines::new(text),
        environment: Arc::from(name),
        depth: limits.document_depth,
        anchors: HashSet::new(),
        diagnostics: Vec::new(),
    };
    let result = reader.document();
    match result {
        Ok(document) if reader.diagnostics.is_empty() => Ok(document),
        Ok(_) => Err(reader.diagnostics),
        Err(summary) => Err(vec![Diagnostic::nowhere(summary)]),
    }
}

struct Reader<'t> {
    parser: Parser<&'t mut &'t [u8]>,
    text: &'t str,
    lines: Lines<'t>,
    environment: Arc<str>,
    depth: usize,
    anchors: HashSet<String>,
    diagnostics: Vec<Diagnostic>,
}

type Result<T, E = String> = std::result::Result<T, E>;

/// A node under construction: the node itself and where it ends in the told positions.
struct Built {
    node: Node,
    end: Pos,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Event> {
        // The library gives up with a panic at some tags that end in odd ways. What it holds is dropped with the error.
        match catch_unwind(AssertUnwindSafe(|| self.parser.parse())) {
            Ok(event) => event.map_err(|error| self.syntax_error(error)),
            Err(_) => Err("yaml: did not find expected whitespace or line break".into()),
        }
    }

    fn document(&mut self) -> Result<Document> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } => {}
                EventData::DocumentStart { version_directive, .. } => match version_directive {
                    Some(version) if (version.major, version.minor) != (1, 1) => {
                        return Err(at_line(event.start_mark.line, "found incompatible YAML document"));
                    }
                    _ => break,
                },
                _ => return Ok(Document::Null),
            }
        }
        let event = self.next()?;
        let built = self.node(event, "")?;
        // What stands behind the first document is not looked at, but its end must be one.
        let end = self.next()?.end_mark;
        let rest = self.text.get(self.byte(end)..).unwrap_or_default();
        if !rest.trim().is_empty()
            && let Some(error) = scanner_error(self.text, end)
        {
            return Err(syntax_error(&error));
        }
        match built {
            Some(Built { node: Node { kind: Kind::Null, .. }, .. }) | None => Ok(Document::Null),
            Some(built) => Ok(Document::Node(built.node)),
        }
    }

    /// The words for an error. Upstream's reader is always two tokens ahead of what it judges, so what no token can be, a
    /// little further on, is told first.
    fn syntax_error(&self, error: Error) -> String {
        let further = match (error.kind(), error.problem_mark()) {
            (ErrorKind::Parser, Some(mark)) => scanner_error(self.text, mark),
            _ => None,
        };
        syntax_error(&further.unwrap_or(error))
    }

    /// The node that an event begins; none for what the language does not take, of which a diagnostic tells.
    fn node(&mut self, event: Event, path: &str) -> Result<Option<Built>> {
        let start = self.start(event.start_mark);
        let span = Span { start: self.byte(event.start_mark), end: self.byte(event.end_mark) };
        match event.data {
            EventData::Scalar { anchor, tag, value, style, .. } => {
                self.anchors.extend(anchor);
                Ok(self.scalar(start, span, path, tag.as_deref(), value, style))
            }
            EventData::SequenceStart { anchor, style, .. } => {
                self.anchors.extend(anchor);
                self.sequence(start, span, path, style == SequenceStyle::Flow).map(Some)
            }
            EventData::MappingStart { anchor, style, .. } => {
                self.anchors.extend(anchor);
                self.mapping(start, span, path, style == MappingStyle::Flow).map(Some)
            }
            EventData::Alias { anchor } => {
                if !self.anchors.contains(&anchor) {
                    return Err(format!("yaml: unknown anchor '{anchor}' referenced"));
                }
                let end = self.lines.pos(start.line, start.column + anchor.len());
                let origin = self.origin(start, end, path);
                self.diagnostics.push(Diagnostic::error(&origin, "alias nodes are not supported"));
                Ok(None)
            }
            _ => Err("yaml: unknown problem parsing YAML content".into()),
        }
    }

    fn sequence(&mut self, start: Pos, span: Span, path: &str, flow: bool) -> Result<Built> {
        self.descend()?;
        let mut items = Vec::new();
        let (mut end, mut span) = (start, span);
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                span.end = self.close(span, flow, &event);
                break;
            }
            if let Some(built) = self.node(event, &join_index(path, items.len()))? {
                end = built.end;
                span.end = span.end.max(built.node.span.end);
                items.push(built.node);
            }
        }
        self.depth += 1;
        let origin = self.origin(start, end, path);
        let node = Node { kind: Kind::Array(items), origin, span, style: Style::Plain, flow, text: String::new() };
        Ok(Built { node, end })
    }

    fn mapping(&mut self, start: Pos, span: Span, path: &str, flow: bool) -> Result<Built> {
        self.descend()?;
        let mut entries = Vec::new();
        let (mut end, mut span) = (start, span);
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                span.end = self.close(span, flow, &event);
                break;
            }
            let accessor = match &event.data {
                EventData::Scalar { value, .. } => value.clone(),
                EventData::Alias { anchor } => anchor.clone(),
                _ => String::new(),
            };
            let path = join_key(path, &accessor);
            let key = self.node(event, &path)?;
            let event = self.next()?;
            let value = self.node(event, &path)?;
            if let Some(value) = &value {
                end = value.end;
                span.end = span.end.max(value.node.span.end);
            }
            self.entry(&mut entries, key, value);
        }
        self.depth += 1;
        let origin = self.origin(start, end, path);
        let node = Node { kind: Kind::Object(entries), origin, span, style: Style::Plain, flow, text: String::new() };
        Ok(Built { node, end })
    }

    /// Keeps an entry whose key is a string.
    fn entry(&mut self, entries: &mut Vec<(Key, Node)>, key: Option<Built>, value: Option<Built>) {
        let Some(key) = key.map(|built| built.node) else { return };
        let Kind::String(name) = key.kind else {
            self.diagnostics.push(Diagnostic::error(&key.origin, "mapping keys must be strings"));
            return;
        };
        if let Some(value) = value {
            entries.push((Key { name, origin: key.origin, span: key.span, style: key.style }, value.node));
        }
    }

    /// One level down. Levels are bounded for the sake of everything that walks the tree.
    fn descend(&mut self) -> Result<()> {
        self.depth = self.depth.checked_sub(1).ok_or("the document is nested too deeply")?;
        Ok(())
    }

    /// Where a collection's bytes end: at its bracket, or with its last child.
    fn close(&self, span: Span, flow: bool, event: &Event) -> usize {
        if flow { self.byte(event.end_mark) } else { span.end.max(span.start) }
    }

    fn scalar(
        &mut self,
        start: Pos,
        span: Span,
        path: &str,
        tag: Option<&str>,
        value: String,
        style: ScalarStyle,
    ) -> Option<Built> {
        let tag = tag.filter(|t| !t.is_empty() && *t != "!").map(short_tag);
        let plain = matches!(style, ScalarStyle::Plain | ScalarStyle::Any);
        let style = match style {
            ScalarStyle::Literal if tag.is_none() => Style::Literal,
            _ if !plain => Style::Quoted,
            _ => tag.as_ref().map_or(Style::Plain, |tag| Style::Tagged(tag.len())),
        };
        let end = self.end(start, &value, style);
        let origin = self.origin(start, end, path);
        let kind = match scalar_kind(tag.as_deref(), plain, &value) {
            Ok(kind) => kind,
            Err(summary) => {
                self.diagnostics.push(Diagnostic::error(&origin, summary));
                return None;
            }
        };
        Some(Built { node: Node { kind, origin, span, style, flow: false, text: value }, end })
    }

    /// Where a scalar is told to end: after as many bytes as its value has, on the last line of a literal block.
    fn end(&self, start: Pos, value: &str, style: Style) -> Pos {
        match style {
            Style::Literal => {
                let lines = value.matches('\n').count();
                let last = value.rsplit('\n').next().unwrap_or("");
                self.lines.pos(start.line + lines, start.column + last.len())
            }
            Style::Tagged(tag) => self.lines.pos(start.line, start.column + tag + 1 + value.len()),
            Style::Plain | Style::Quoted => self.lines.pos(start.line, start.column + value.len()),
        }
    }

    fn start(&self, mark: Mark) -> Pos {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX - 1) + 1;
        self.lines.pos(number(mark.line), number(mark.column))
    }

    fn byte(&self, mark: Mark) -> usize {
        self.lines.byte(mark.line, mark.column)
    }

    fn origin(&self, begin: Pos, end: Pos, path: &str) -> Origin {
        Origin { range: Some(Range { environment: self.environment.clone(), begin, end }), path: Arc::from(path) }
    }
}

/// What a scalar is, from its tag or its text.
fn scalar_kind(tag: Option<&str>, plain: bool, value: &str) -> Result<Kind> {
    if tag == Some("!!str") || (tag.is_none() && !plain) {
        return Ok(Kind::String(value.to_owned()));
    }
    if tag == Some("!!binary") {
        return match crate::gotext::decode_base64(value) {
            Ok(_) => Ok(Kind::String(value.to_owned())),
            Err(_) => Err("yaml: !!binary value contains invalid base64 data".into()),
        };
    }
    let resolved = resolve(value);
    if let Some(tag) = tag {
        if !matches!(tag, "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp") {
            return Ok(Kind::String(value.to_owned()));
        }
        let fits = tag == resolved.tag() || (tag == "!!float" && matches!(resolved, Resolved::Integer(_)));
        if !fits {
            // Dates are looked for only where the tag allows one.
            let found = if resolved == Resolved::Timestamp { Resolved::String } else { resolved };
            return Err(format!("yaml: cannot decode {} `{value}` as a {tag}", found.tag()));
        }
        if let (true, Resolved::Integer(value)) = (tag == "!!float", &resolved) {
            #[expect(clippy::cast_precision_loss, reason = "a float is what the tag asks for")]
            return Ok(Kind::Number(crate::gotext::float(*value as f64)));
        }
    }
    Ok(match resolved {
        Resolved::Null => Kind::Null,
        Resolved::Bool(value) => Kind::Bool(value),
        Resolved::Timestamp | Resolved::String => Kind::String(value.to_owned()),
        ref number => Kind::Number(number.number().unwrap_or_default()),
    })
}

/// `tag:yaml.org,2002:str` as `!!str`.
fn short_tag(tag: &str) -> String {
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(rest) => format!("!!{rest}"),
        None => tag.to_owned(),
    }
}

/// The error within the two tokens behind the one at a mark, if there is one.
fn scanner_error(text: &str, mark: Mark) -> Option<Error> {
    let mut input = text.as_bytes();
    let mut scanner = Scanner::new();
    scanner.set_input_string(&mut input);
    let mut further = 0;
    loop {
        let token = match catch_unwind(AssertUnwindSafe(|| Scanner::scan(&mut scanner))).ok()? {
            Ok(token) => token,
            // To find that a key lacks its colon, upstream would have to look further than two tokens.
            Err(error) if further == 2 && error.problem() == "could not find expected ':'" => return None,
            Err(error) => return Some(error),
        };
        let reached = further > 0 || (token.start_mark.index >= mark.index && token.data != TokenData::BlockEnd);
        further += u32::from(reached);
        if further > 2 || token.data == TokenData::StreamEnd {
            return None;
        }
    }
}

/// The library's error in the words that clients know.
fn syntax_error(error: &Error) -> String {
    let line =
        [error.context_mark(), error.problem_mark()].into_iter().flatten().map(|mark| mark.line).find(|l| *l != 0);
    let scanner = u64::from(error.kind() == ErrorKind::Scanner);
    at_line(line.map_or(0, |line| line + scanner), error.problem())
}

/// A problem with its line, which is not told where it is the first.
fn at_line(line: u64, problem: &str) -> String {
    match line {
        0 => format!("yaml: {problem}"),
        line => format!("yaml: line {line}: {problem}"),
    }
}
