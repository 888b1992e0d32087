//! What is read and what is refused, and that it is what another reader of XML reads and refuses.
#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use quick_xml::{Reader, events::Event};

#[test]
fn documents_are_read() {
    let text =
        b"<?xml version=\"1.0\"?>\n<a xmlns=\"u\"><n:b x:t=\"1&amp;2\"> v &lt;&#65;<![CDATA[<&>]]></n:b><c/>\n</a>";
    let root = Element::parse(text).unwrap();
    assert_eq!((root.name, &*root.text), ("a", ""));
    let b = root.child("b").unwrap();
    assert_eq!((b.name, &*b.text), ("b", " v <A<&>"));
    assert_eq!(root.children.iter().map(|child| child.name).collect::<Vec<_>>(), ["b", "c"]);
    assert!(root.find("c").is_some_and(|c| c.children.is_empty()));
    let mut pull = Pull::new(text).unwrap();
    assert_eq!(pull.root().unwrap().attribute("xmlns").unwrap().as_deref(), Some("u"));
    let Piece::Start(b) = pull.piece().unwrap() else { panic!("no element") };
    assert_eq!((b.attribute("x:t").unwrap().as_deref(), b.attribute("t").unwrap()), (Some("1&2"), None));
}

const BROKEN: [&str; 16] = [
    "",
    "<a>",
    "<a><b></a>",
    "<a/><b/>",
    "text",
    "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
    "<a>&x;</a>",
    "{\"a\":1}",
    "<a>&lt</a>",
    "<a b></a>",
    "<a b=\"1\" b=\"2\"/>",
    "<a b=\"&x;\"/>",
    "<a><!-- </a>",
    "<a><![CDATA[ </a>",
    "</a>",
    "<a",
];

#[test]
fn what_is_broken_is_an_error() {
    for text in BROKEN {
        assert!(Element::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Element::parse("<a>".repeat(100_000).as_bytes()).is_err());
    assert!(Element::parse(b"<a>\xff</a>").is_err());
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// The same by another reader.
fn by_another(text: &str) -> Result<Element<'_>, String> {
    let mut reader = Reader::from_str(text);
    let element = || Element { name: "", text: Cow::Borrowed(""), children: Vec::new() };
    let mut open = vec![(String::new(), element())];
    loop {
        let event = reader.read_event().map_err(|e| e.to_string())?;
        let more = match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                for attribute in start.attributes() {
                    attribute.map_err(|e| e.to_string())?.unescape_value().map_err(|e| e.to_string())?;
                }
                let name = String::from_utf8(start.name().into_inner().to_vec()).unwrap();
                let at = text.find(&name).unwrap();
                open.push((String::new(), Element { name: local(&text[at..at + name.len()]), ..element() }));
                if matches!(event, Event::Start(_)) { continue } else { None }
            }
            Event::End(_) => None,
            Event::Text(text) => Some(text.decode().unwrap().into_owned()),
            Event::CData(data) => Some(data.decode().unwrap().into_owned()),
            Event::GeneralRef(reference) => {
                let char = reference.resolve_char_ref().map_err(|e| e.to_string())?;
                let name = reference.decode().unwrap();
                let known = || quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned);
                Some(char.map(String::from).or_else(known).ok_or("unknown")?)
            }
            Event::DocType(_) => return Err("a document type".into()),
            Event::Eof => break,
            _ => continue,
        };
        match more {
            Some(more) => open.last_mut().unwrap().0.push_str(&more),
            None => {
                let (text, mut element) = open.pop().unwrap();
                if element.children.is_empty() {
                    element.text = text.into();
                }
                open.last_mut().ok_or("ends too early")?.1.children.push(element);
            }
        }
    }
    let (_, mut top) = open.pop().unwrap();
    if open.is_empty() && top.children.len() == 1 { Ok(top.children.remove(0)) } else { Err("no root".into()) }
}

#[test]
fn another_reader_reads_the_same() {
    let parts = [
        "<a>",
        "</a>",
        "<a>",
        "</a>",
        "<b x=\"1\">",
        "</b>",
        "</b >",
        "<c/>",
        "<n:d y='>' />",
        "text",
        " ",
        "&amp;",
        "&#65;",
        "&x;",
        "<![CDATA[<&]]>",
        "<!-- < -->",
        "<?pi ?>",
        "ü",
        "&lt",
        ";",
        ">",
        "\"",
        "<b\nz=\"&lt;\"\t>",
        "<a b>",
    ];
    let (mut good, mut seed) = (0, 11_u64);
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..100_000 {
        let inner: String = (0..random(7)).map(|_| parts[random(parts.len())]).collect();
        let text = format!("<r>{inner}</r>");
        let (one, other) = (Element::parse(text.as_bytes()), by_another(&text));
        good += u32::from(one.is_ok());
        assert_eq!(one.as_ref().ok(), other.as_ref().ok(), "{text}: {one:?} {other:?}");
    }
    assert!(good > 5000, "{good}");
    for text in BROKEN {
        assert!(by_another(text).is_err(), "{text}");
    }
}
