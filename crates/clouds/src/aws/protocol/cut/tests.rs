//! What is left of an answer is what would have been read of it, but for what was recognised.
#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::{
    Value,
    aws::{data::catalogue, protocol::read},
};

/// The list of a type of the catalogue.
fn list(token: &str) -> (&'static Service, &'static Call) {
    let mut all = catalogue().unwrap().iter().flat_map(|file| file.types.iter().map(|kind| (&file.service, kind)));
    let (service, kind) = all.find(|(_, kind)| kind.token == token).unwrap();
    (service, &kind.list)
}

fn items(service: &Service, call: &Call, body: &[u8]) -> Vec<Value> {
    call.items.as_ref().unwrap().take(read(service, call, 200, body).unwrap())
}

/// Cuts out each set of items in turn, and compares with what is read of the whole.
fn every_cut(token: &str, body: &str, count: usize) {
    let (service, call) = list(token);
    let all = items(service, call, body.as_bytes());
    assert_eq!(all.len(), count, "{body}");
    for set in 0..1_u32 << count {
        let mut shown = Vec::new();
        let rest = cut(service, call, body.as_bytes(), &mut |item| {
            shown.push(String::from_utf8(item.to_vec()).unwrap());
            set >> (shown.len() - 1) & 1 == 1
        });
        let rest = rest.unwrap();
        assert_eq!(shown.len(), count);
        assert!(shown.iter().all(|item| body.contains(item.as_str())));
        let left = items(service, call, &rest);
        let kept = all.iter().enumerate().filter(|(n, _)| set >> n & 1 == 0).map(|(_, item)| item.clone());
        assert_eq!(left, kept.collect::<Vec<_>>(), "{set:b} {}", String::from_utf8_lossy(&rest));
        if set == 0 {
            assert_eq!(&*rest, body.as_bytes());
        }
        // What stands beside the items, a continuation for one, is as it was.
        for path in call.page.iter().flat_map(|page| &page.from) {
            let of = |body: &[u8]| path.one(&read(service, call, 200, body).unwrap()).cloned();
            assert_eq!(of(&rest), of(body.as_bytes()));
        }
    }
}

#[test]
fn xml_is_cut() {
    let volume = "aws:ebs/volume:Volume";
    for body in [
        "<?xml version=\"1.0\"?>\n<R xmlns=\"u\"><requestId>x</requestId><volumeSet>\n <item><volumeId>1</volumeId><size>5</size></item>\n\
         <item><volumeId>2</volumeId><tagSet><item><key>a</key><value>&lt;</value></item></tagSet></item> <item/></volumeSet><nextToken>n</nextToken></R>",
        "<R><volumeSet><item><volumeId>1</volumeId></item><other/><item><!-- </item> --><volumeId>2</volumeId></item><item x=\"</item>\"/></volumeSet></R>",
    ] {
        every_cut(volume, body, 3);
    }
    every_cut(volume, "<R><volumeSet/></R>", 0);
    every_cut(volume, "<R/>", 0);
    let nested = "<R><reservationSet><item><reservationId>r</reservationId><instancesSet><item><instanceId>1</instanceId></item>\
        <item><instanceId>2</instanceId></item></instancesSet></item><item><instancesSet><item><instanceId>3</instanceId></item></instancesSet>\
        </item></reservationSet></R>";
    every_cut("aws:ec2/instance:Instance", nested, 3);
    let wrapped = "<R><ListUsersResult><IsTruncated>true</IsTruncated><Users><member><UserName>a</UserName></member>\
        <member><UserName>b</UserName></member></Users><Marker>m</Marker></ListUsersResult></R>";
    every_cut("aws:iam/user:User", wrapped, 2);
}

#[test]
fn json_is_cut() {
    let filters = "aws:cloudwatch/logMetricFilter:LogMetricFilter";
    for body in [
        r#"{"metricFilters":[{"filterName":"a","x":[1,{}]},{"filterName":"b"},{"filterName":"c,]"}],"nextToken":"n"}"#,
        "{ \"nextToken\" : null , \"metricFilters\" : [ {\"filterName\":\"a\"} ,\n {\"filterName\":\"b\"} , {\"filterName\":\"\\u0063\"} ] }",
    ] {
        every_cut(filters, body, 3);
    }
    every_cut(filters, r#"{"metricFilters":[{"filterName":"a"}]}"#, 1);
    every_cut(filters, r#"{"metricFilters":[ ]}"#, 0);
    every_cut(filters, "{}", 0);
}

#[test]
fn what_is_not_certain_is_not_cut() {
    let none = |token: &str, body: &str| {
        let (service, call) = list(token);
        assert_eq!(cut(service, call, body.as_bytes(), &mut |_| true), None, "{body}");
    };
    for body in [
        "",
        "<R>",
        "<R><volumeSet><item><volumeId>1</volumeId></volumeSet></R>",
        "<R><volumeSet><item></x></item></volumeSet></x>",
        "<R><volumeSet><item/></volumeSet><volumeSet><item/></volumeSet></R>",
        "<R><volumeSet><item/></volumeSet></R><R/>",
        "{}",
    ] {
        none("aws:ebs/volume:Volume", body);
    }
    for body in [
        "",
        "[]",
        "{\"metricFilters\":[{},]}",
        "{\"metricFilters\":{}}",
        "{\"metricFilters\":null}",
        "{\"metricFilters\":[{}],\"metricFilters\":[{}]}",
        "{\"metricFilters\":[{}]} {}",
        "{\"metricFilters\":[{]}",
    ] {
        none("aws:cloudwatch/logMetricFilter:LogMetricFilter", body);
    }
    // The next page begins after the last item's name.
    none(
        "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
        r#"{"DeliveryStreamNames":["a"],"HasMoreDeliveryStreams":true}"#,
    );
}

/// Of every list of the catalogue that is looked at item by item, the way to its items is known.
#[test]
fn every_list_has_a_way() {
    for file in catalogue().unwrap() {
        let xml = matches!(file.service.protocol, Protocol::Query | Protocol::Ec2 | Protocol::RestXml);
        for kind in file.types.iter().filter(|kind| xml && kind.read.is_empty()) {
            if let Some(names) = kind.list.items.as_ref().unwrap().to_items() {
                assert!(file.service.shapes.way(&kind.list.op, &names).is_some(), "{}", kind.token);
            }
        }
    }
}
