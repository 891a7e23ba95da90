//! NETDATA from elsewhere, and ours as others read it.

use minidisk::edf::{DateTime, RecordFormat};
use proptest::prelude::*;
use shell::netdata::{Acknowledgement, Bad, Decoder, Encoder, Envelope, FileControl, Item, acknowledgement, is_netdata};

use crate::foreign::{cards, control, data, data_follows, e, file, header, name, segment, trailer, unit};

fn decode(cards: &[Vec<u8>]) -> Result<Vec<Item>, Bad> {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    for card in cards {
        items.extend(decoder.card(card)?);
    }
    if decoder.is_complete() { Ok(items) } else { Err(Bad::Short) }
}

fn records(items: &[Item]) -> Vec<Vec<u8>> {
    let records = items.iter().filter_map(|item| match item {
        Item::Record(record) => Some(record.clone()),
        _ => None,
    });
    records.collect()
}

fn the_file(items: &[Item]) -> &FileControl {
    let file = items.iter().find_map(|item| match item {
        Item::File(control) => Some(control),
        _ => None,
    });
    file.expect("a file")
}

#[test]
fn a_cms_file_with_varying_records_arrives() {
    let more = [name(&["A", "PROFILE", "EXEC"]), unit(0x102d, &[&[0xf2]]), unit(0x1021, &[&e("19810401201200")])];
    let stream = [
        header(&[unit(0x102f, &[&[1]]), unit(0x1026, &[&e("FRED")])]),
        file(1, "INMCOPY", 0x4002, 72, &more),
        data_follows(),
        data(&e("say hello")),
        data(&[]),
        data(&[0x40; 600]),
        trailer(),
    ];
    let cards = cards(&stream);
    assert!(is_netdata(&cards[0]));
    let items = decode(&cards).expect("it decodes");
    let Item::Envelope(envelope) = &items[0] else { panic!("no header") };
    let pair = |one: &str, two: &str| (one.to_string(), two.to_string());
    assert_eq!((&envelope.from, &envelope.to), (&pair("OP1", "VENICE"), &pair("CMSUSER", "ROME")));
    assert_eq!(envelope.acknowledge.as_deref(), Some("FRED"));
    assert_eq!(envelope.sent.map(|date| date.to_string()).as_deref(), Some("2021-03-09 04:53:18"));
    let file = the_file(&items);
    assert_eq!((file.name.as_str(), file.file_type.as_str(), file.mode), ("PROFILE", "EXEC", 2));
    assert_eq!((file.format, file.lrecl), (RecordFormat::Variable, 72));
    assert_eq!(file.changed.map(|date| date.to_string()).as_deref(), Some("1981-04-01 20:12:00"));
    assert_eq!(records(&items), [e("say hello"), Vec::new(), vec![0x40; 600]]);
}

#[test]
fn blocks_of_fixed_records_are_taken_apart() {
    // RECFM FB, LRECL 10: TRANSMIT sends a block of 30 as one record.
    let stream = [
        header(&[]),
        file(1, "INMCOPY", 0x9000, 10, &[name(&["HERC01", "SOURCE", "ASM"])]),
        data_follows(),
        data(&e("RECORD ONERECORD TWORECORD 003")),
        data(&e("SHORT")),
        trailer(),
    ];
    let items = decode(&cards(&stream)).expect("it decodes");
    assert_eq!(the_file(&items).format, RecordFormat::Fixed(10));
    assert_eq!((the_file(&items).name.as_str(), the_file(&items).file_type.as_str()), ("SOURCE", "ASM"));
    assert_eq!(records(&items), [e("RECORD ONE"), e("RECORD TWO"), e("RECORD 003"), e("SHORT")]);
    let crooked = [header(&[]), file(1, "INMCOPY", 0x8000, 10, &[]), data_follows(), data(&e("ELEVEN BYTE")), trailer()];
    assert_eq!(decode(&cards(&crooked)), Err(Bad::RecordLength));
}

#[test]
fn lengths_before_varying_records_are_taken_off_where_they_are() {
    let with_length = [&[0, 9, 0, 0][..], &e("HELLO")].concat();
    let stream = |recfm| {
        let records = [data(&with_length), data(&e("NO LENGTH")), data(&[0, 4, 0, 0])].concat();
        cards(&[header(&[]), file(1, "INMCOPY", recfm, 84, &[]), data_follows(), records, trailer()])
    };
    let plain = decode(&stream(0x5002)).expect("it decodes");
    assert_eq!(records(&plain), [with_length.clone(), e("NO LENGTH"), vec![0, 4, 0, 0]]);
    let with = decode(&stream(0x5000)).expect("it decodes");
    assert_eq!(records(&with), [e("HELLO"), e("NO LENGTH"), Vec::new()]);
}

#[test]
fn a_message_comes_before_its_file() {
    let stream = [
        header(&[unit(0x102f, &[&[2]])]),
        file(1, "INMCOPY", 0x5002, 251, &[unit(0x0028, &[])]),
        file(2, "INMCOPY", 0x8000, 4, &[name(&["A", "FOUR", "BYTES"])]),
        data_follows(),
        data(&e("this is a message")),
        data_follows(),
        data(&[1, 2, 3, 4]),
        trailer(),
    ];
    let items = decode(&cards(&stream)).expect("it decodes");
    let kinds: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Envelope(envelope) => format!("{} files", envelope.files),
            Item::File(control) => format!("file {}{}", control.name, if control.is_note { "(note)" } else { "" }),
            Item::Record(record) => format!("{} bytes", record.len()),
            Item::Acknowledgement(_) => "ack".into(),
            Item::End => "end".into(),
        })
        .collect();
    assert_eq!(kinds, ["2 files", "file (note)", "17 bytes", "file FOUR", "4 bytes", "end"]);
}

#[test]
fn unloads_and_packed_files_are_named_for_what_they_are() {
    let unload = [
        header(&[]),
        file(1, "IEBCOPY", 0x9000, 80, &[name(&["PYTHON", "XMI", "PDS"])]),
        file(1, "INMCOPY", 0x4802, 32756, &[]),
        data_follows(),
        trailer(),
    ];
    assert_eq!(decode(&cards(&unload)), Err(Bad::Utility("IEBCOPY".into())));
    let packed = [header(&[]), file(1, "INMCOPY", 0x4006, 80, &[]), data_follows(), trailer()];
    assert_eq!(decode(&cards(&packed)), Err(Bad::Packed));
    let mut vsam = [header(&[]), control("INMR02", &[0, 0, 0, 1], &[unit(0x003c, &[&[0, 8]])]), trailer()];
    assert_eq!(decode(&cards(&vsam)), Err(Bad::Organization));
    vsam[1] = control("INMR02", &[0, 0, 0, 1], &[unit(0x0049, &[&[0x80, 0]])]);
    assert_eq!(decode(&cards(&vsam)), Err(Bad::Format));
}

#[test]
fn numbers_of_any_length_and_units_in_any_order_are_taken() {
    let wide = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 80];
    let more = [unit(0xffff, &[b"unknown", b""]), unit(0x0042, &[&wide]), unit(0x0049, &[&[0x80]])];
    let stream = [header(&[]), control("INMR02", &[0, 0, 0, 7], &more), control("INMR04", &[], &[]), data_follows(), trailer()];
    // One byte of INMRECFM is the low one: no record format at all is varying.
    let items = decode(&cards(&stream)).expect("it decodes");
    assert_eq!((the_file(&items).format, the_file(&items).lrecl), (RecordFormat::Variable, 80));
    // A segment that numbers the next record is no data.
    let numbered = [header(&[]), file(1, "INMCOPY", 0x4002, 9, &[]), data_follows(), segment(0x10, &[0, 1]), data(b"x"), trailer()];
    assert_eq!(records(&decode(&cards(&numbered)).expect("it decodes")), [b"x".to_vec()]);
}

#[test]
fn an_acknowledgement_says_what_became_of_the_file() {
    let units = [
        unit(0x1024, &[&e("20210309045318")]),
        name(&["A", "PROFILE", "EXEC"]),
        unit(0x1027, &[&e("RECEIVED")]),
        unit(0x1026, &[&e("FRED")]),
    ];
    let items = decode(&cards(&[header(&[]), control("INMR07", &[], &units), trailer()])).expect("it decodes");
    let Item::Acknowledgement(found) = &items[1] else { panic!("no acknowledgement") };
    assert_eq!((found.file.0.as_str(), found.outcome.as_str(), found.identifier.as_str()), ("PROFILE", "RECEIVED", "FRED"));
    assert_eq!(found.sent.map(|date| date.to_string()).as_deref(), Some("2021-03-09 04:53:18"));
}

#[test]
fn damage_is_named() {
    let whole = [header(&[]), file(1, "INMCOPY", 0x4002, 80, &[name(&["A", "X", "Y"])]), data_follows(), data(b"x"), trailer()];
    let without = |at: usize| {
        let mut stream = whole.to_vec();
        stream.remove(at);
        decode(&cards(&stream))
    };
    assert!(decode(&cards(&whole)).is_ok());
    assert_eq!(without(0), Err(Bad::NoHeader));
    assert_eq!(without(1), Err(Bad::NoHeader));
    assert_eq!(without(2), Err(Bad::NoHeader));
    // Zeros at the end of the last card are no segment.
    assert_eq!(without(4), Err(Bad::Segment));
    assert_eq!(decode(&cards(&[segment(0x40, b"x")])), Err(Bad::Order));
    assert_eq!(decode(&cards(&[segment(0xe0, &e("INMR"))])), Err(Bad::Unit));
    assert_eq!(decode(&cards(&[control("INMR01", &[], &[vec![0, 2, 0xff, 0xff, 0xff, 0xff]])])), Err(Bad::Unit));
    assert_eq!(decode(&cards(&[header(&[]), header(&[])])), Err(Bad::NoHeader));
    let long = std::iter::once(segment(0xa0, &[0; 253])).chain(std::iter::repeat_n(segment(0x20, &[0; 253]), 20));
    assert_eq!(decode(&cards(&long.collect::<Vec<_>>())), Err(Bad::TooLong));
    let many: Vec<_> = (0..20).map(|number| file(number, "INMCOPY", 0x4002, 80, &[])).collect();
    assert_eq!(decode(&cards(&[vec![header(&[])], many].concat())), Err(Bad::TooManyFiles));
}

fn moment() -> DateTime {
    DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 }
}

fn letter(format: RecordFormat) -> (Envelope, FileControl) {
    let pair = |user: &str| (user.to_string(), "ROME".to_string());
    let envelope = Envelope { from: pair("CMSUSER"), to: pair("MAINT"), sent: Some(moment()), acknowledge: Some("FRED".into()), files: 1 };
    let (name, file_type) = ("PROFILE".to_string(), "EXEC".to_string());
    (envelope, FileControl { name, file_type, mode: 2, format, lrecl: 72, changed: Some(moment()), is_note: false })
}

fn encode(format: RecordFormat, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (envelope, file) = letter(format);
    let mut encoder = Encoder::new(&envelope, &file, 256);
    let mut cards = Vec::new();
    for record in records {
        encoder.record(record);
        cards.extend(encoder.cards());
    }
    cards.extend(encoder.finish());
    cards.into_iter().map(|card| card.to_vec()).collect()
}

#[test]
fn what_we_send_is_what_the_format_says() {
    let units = [
        unit(0x0042, &[&[0, 0, 0, 80]]),
        unit(0x1011, &[&e("ROME")]),
        unit(0x1012, &[&e("CMSUSER")]),
        unit(0x1001, &[&e("ROME")]),
        unit(0x1002, &[&e("MAINT")]),
        unit(0x1024, &[&e("20261122144109")]),
        unit(0x102f, &[&[0, 0, 0, 1]]),
        unit(0x1026, &[&e("FRED")]),
    ];
    let more = [
        name(&["A", "PROFILE", "EXEC"]),
        unit(0x102d, &[&[0xf2]]),
        unit(0x1021, &[&e("20261122144109")]),
        unit(0x1022, &[&e("20261122144109")]),
    ];
    let data_control =
        [unit(0x102c, &[&[0, 0, 1, 0]]), unit(0x003c, &[&[0x40, 0]]), unit(0x0042, &[&[0, 0, 0, 80]]), unit(0x0049, &[&[0, 1]])];
    let expected = cards(&[
        control("INMR01", &[], &units),
        file(1, "INMCOPY", 0x4002, 72, &more),
        control("INMR03", &[], &data_control),
        data(&[b'x'; 300]),
        trailer(),
    ]);
    assert_eq!(encode(RecordFormat::Variable, &[vec![b'x'; 300]]), expected);
    let fixed = encode(RecordFormat::Fixed(5), &[]).concat();
    let recfm = unit(0x0049, &[&[0x80, 0]]);
    assert!(fixed.windows(recfm.len()).any(|bytes| bytes == recfm));
}

#[test]
fn our_acknowledgement_is_what_the_format_says() {
    let (envelope, _) = letter(RecordFormat::Variable);
    let answer = Acknowledgement {
        sent: Some(moment()),
        file: ("PROFILE".into(), "EXEC".into()),
        mode: Some(1),
        outcome: "DELETED".into(),
        identifier: "FRED".into(),
    };
    let ours: Vec<_> = acknowledgement(&envelope, &answer).into_iter().map(|card| card.to_vec()).collect();
    let units = [
        unit(0x1024, &[&e("20261122144109")]),
        name(&["A", "PROFILE", "EXEC"]),
        unit(0x102d, &[&[0xf1]]),
        unit(0x1027, &[&[0xc4, 0xc5, 0xd3, 0xc5, 0xe3, 0xc5, 0xc4]]),
        unit(0x1026, &[&e("FRED")]),
    ];
    let record = control("INMR07", &[], &units);
    assert!(ours.concat().windows(record.len()).any(|bytes| bytes == record));
    assert_eq!(decode(&ours).expect("it decodes")[1], Item::Acknowledgement(answer));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..1000), 0..20)) {
        let items = decode(&encode(RecordFormat::Variable, &records)).expect("it decodes");
        prop_assert_eq!(super::netdata::records(&items), records);
        let Item::Envelope(envelope) = &items[0] else { panic!("no header") };
        let (sent, control) = letter(RecordFormat::Variable);
        prop_assert_eq!((envelope, the_file(&items)), (&sent, &control));
    }
}
