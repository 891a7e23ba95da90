//! Files as other systems make them, from the description of the format alone: nothing here uses this crate's encoder or its code page.

/// Text in EBCDIC: letters, digits, blank and a few signs.
pub fn e(text: &str) -> Vec<u8> {
    text.bytes()
        .map(|c| match c {
            b'A'..=b'I' => c - b'A' + 0xc1,
            b'J'..=b'R' => c - b'J' + 0xd1,
            b'S'..=b'Z' => c - b'S' + 0xe2,
            b'a'..=b'i' => c - b'a' + 0x81,
            b'j'..=b'r' => c - b'j' + 0x91,
            b's'..=b'z' => c - b's' + 0xa2,
            b'0'..=b'9' => c - b'0' + 0xf0,
            b' ' => 0x40,
            b'.' => 0x4b,
            b',' => 0x6b,
            b'(' => 0x4d,
            b')' => 0x5d,
            b'/' => 0x61,
            b'=' => 0x7e,
            other => panic!("no EBCDIC for {:?} in this table", char::from(other)),
        })
        .collect()
}

/// A text unit: key, number of values, and each value with its length.
pub fn unit(key: u16, values: &[&[u8]]) -> Vec<u8> {
    let mut bytes = key.to_be_bytes().to_vec();
    bytes.extend((values.len() as u16).to_be_bytes());
    for value in values {
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(*value);
    }
    bytes
}

/// A segment.
pub fn segment(flags: u8, data: &[u8]) -> Vec<u8> {
    [&[data.len() as u8 + 2, flags], data].concat()
}

/// A record of data, cut into segments of 253 bytes.
pub fn data(record: &[u8]) -> Vec<u8> {
    let count = record.len().div_ceil(253).max(1);
    let parts = (0..count).map(|at| {
        let part = &record[at * 253..record.len().min((at + 1) * 253)];
        let first = if at == 0 { 0x80 } else { 0 };
        let last = if at + 1 == count { 0x40 } else { 0 };
        segment(first | last, part)
    });
    parts.collect::<Vec<_>>().concat()
}

/// A control record in one segment.
pub fn control(name: &str, number: &[u8], units: &[Vec<u8>]) -> Vec<u8> {
    segment(0xe0, &[e(name), number.to_vec(), units.concat()].concat())
}

/// INMR01 of OP1 at VENICE to CMSUSER at ROME, and what else is in it.
pub fn header(more: &[Vec<u8>]) -> Vec<u8> {
    let mut units = vec![
        unit(0x0042, &[&[80]]),
        unit(0x1011, &[&e("VENICE")]),
        unit(0x1012, &[&e("OP1")]),
        unit(0x1001, &[&e("ROME")]),
        unit(0x1002, &[&e("CMSUSER")]),
        unit(0x1024, &[&e("20210309045318")]),
    ];
    units.extend_from_slice(more);
    control("INMR01", &[], &units)
}

/// INMR02 of a sequential file.
pub fn file(number: u32, utility: &str, recfm: u16, lrecl: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let mut units = vec![
        unit(0x1028, &[&e(utility)]),
        unit(0x102c, &[&[0, 0, 1, 0]]),
        unit(0x003c, &[&[0x40, 0]]),
        unit(0x0042, &[&lrecl.to_be_bytes()]),
        unit(0x0049, &[&recfm.to_be_bytes()]),
    ];
    units.extend_from_slice(more);
    control("INMR02", &number.to_be_bytes(), &units)
}

/// INMR03.
pub fn data_follows() -> Vec<u8> {
    let units = [unit(0x102c, &[&[0, 0, 1, 0]]), unit(0x003c, &[&[0x40, 0]]), unit(0x0042, &[&[0, 80]]), unit(0x0049, &[&[0, 1]])];
    control("INMR03", &[], &units)
}

/// INMR06.
pub fn trailer() -> Vec<u8> {
    control("INMR06", &[], &[])
}

/// A name of parts.
pub fn name(parts: &[&str]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|part| e(part)).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    unit(0x0002, &parts)
}

/// Punch records of a stream, the last one filled with zeros.
pub fn cards(stream: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut stream = stream.concat();
    stream.resize(stream.len().next_multiple_of(80), 0);
    stream.chunks(80).map(<[u8]>::to_vec).collect()
}
