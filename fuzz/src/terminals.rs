//! What terminals and programs with the whole screen send.

use std::time::Instant;

use console::frame;
use console::presentation::inbound::{Aid, Inbound};
use console::presentation::outbound::Command;
use console::presentation::{Cell, Painter, Shown, Size, Space, Style, Terminal, paint::How};
use console::tn3270::negotiation::Negotiation;
use console::tn3270::telnet::{Event, Telnet};
use console::wire::{ClientFrame, FRAME_MAX, Hello, Reply};

/// Sizes of a terminal, by a byte.
fn sizes(byte: u8) -> (Size, Size) {
    let alternate =
        [Size::MODEL_2, Size::MODEL_3, Size::MODEL_4, Size::MODEL_5, Size { rows: 62, columns: 160 }, Size { rows: 128, columns: 128 }];
    (Size::MODEL_2, alternate[usize::from(byte) % alternate.len()])
}

/// Bytes of a peer, cut into pieces as the first byte says, negotiated to an agreement or to the end.
///
/// # Panics
/// When what is answered has no bound, or a terminal is agreed on whose size is none.
pub fn telnet(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let (mut telnet, mut negotiation) = (Telnet::default(), Negotiation::new("SYSTEM"));
    let mut answered = 0;
    for part in bytes.chunks(usize::from(first % 32) + 1) {
        let Ok(events) = telnet.receive(part) else { return };
        for event in events {
            negotiation.take(&event);
            answered += negotiation.take_output().len();
            if let Event::Subnegotiation(_, said) | Event::Record(said) = event {
                let mut terminal = Terminal::named("IBM-DYNAMIC").expect("it is a 3270");
                terminal.answered(&said);
                assert!(terminal.sizes.0.is_usable() && terminal.sizes.1.is_usable());
            }
        }
    }
    assert!(answered <= 64 * (bytes.len() + 1), "{answered} bytes for {}", bytes.len());
}

/// What a terminal shows. It has two character sets: which of the others a program asked for makes no difference.
fn shown_cells(space: &Space) -> Vec<Cell> {
    let shown = |cell: &Cell| match cell.field {
        None if cell.style.charset != 0 => Cell { style: Style { charset: 0xf1, ..cell.style }, ..*cell },
        _ => *cell,
    };
    space.cells().iter().map(shown).collect()
}

/// A program's data stream: two bytes for size and command, then its data, written twice. The terminal that follows shows the same.
///
/// # Panics
/// When a stream that is refused has changed something, takes seconds, or a terminal that obeys shows something else.
pub fn outbound(bytes: &[u8]) {
    let Some((&[size, command], data)) = bytes.split_first_chunk() else { return };
    let (sizes, Some(command)) = (sizes(size), Command::from_byte(command)) else { return };
    let mut space = Space::new(sizes.0);
    let (mut shown, mut terminal) = (Shown::unknown(), Space::new(sizes.0));
    for _ in 0..2 {
        let (before, begun) = (space.clone(), Instant::now());
        if space.apply(command, data, sizes).is_err() {
            assert_eq!(space, before);
        }
        assert!(begun.elapsed().as_secs() < 5, "{} bytes take {:?}", data.len(), begun.elapsed());
        assert!(space.cursor() < space.cells().len() && space.cells().len() == space.size().positions());
        let how = How { reset: true, cursor: true, ..How::default() };
        if let Some(stream) = (Painter { extended: true, sizes }).paint(&mut shown, &space, &how) {
            let command = Command::from_byte(stream[0]).expect("a painter's own command");
            terminal.apply(command, &stream[1..], sizes).expect("a painter's own stream");
        }
        assert_eq!(shown_cells(&terminal), shown_cells(&space));
        let sent = space.read_modified(Aid::Enter, true);
        Inbound::parse(&sent, space.size()).expect("what a screen sends is understood");
        assert!(space.read_buffer(Aid::None).len() >= 3 + space.cells().len());
    }
}

/// What a terminal sends when a key is pressed, on a screen with some fields.
///
/// # Panics
/// When it lands outside the screen, or in a field that cannot be typed into.
pub fn inbound(bytes: &[u8]) {
    let Some((&size, data)) = bytes.split_first() else { return };
    let sizes = sizes(size);
    let mut space = Space::new(sizes.1);
    let form = [
        0xc3, 0x1d, 0x60, 0xc1, 0xc2, 0x1d, 0x40, 0x11, 0x40, 0x4f, 0x1d, 0xf0, 0x11, 0xc2, 0x60, 0x1d, 0x40, 0x11, 0xc2, 0x6f, 0x1d, 0x60,
        0xc4,
    ];
    space.apply(Command::EraseWriteAlternate, &form, sizes).expect("a form");
    let Ok(key) = Inbound::parse(data, sizes.1) else { return };
    assert!(key.cursor < space.cells().len());
    let protected = |space: &Space| {
        let mut closed = space.ruling(space.cells().len() - 1).is_protected();
        let is_closed = |cell: &&Cell| {
            closed = cell.field.map_or(closed, |field| field.is_protected());
            closed && cell.field.is_none()
        };
        space.cells().iter().filter(is_closed).copied().collect::<Vec<Cell>>()
    };
    let before = protected(&space);
    let touched = space.typed(&key);
    assert!(touched.iter().all(|&at| at < space.cells().len()));
    assert_eq!(protected(&space), before);
    Inbound::parse(&space.read_modified(key.aid, false), space.size()).expect("what a screen sends is understood");
}

/// Frames of a client, and of CP.
///
/// # Panics
/// Never, it should be hoped.
pub fn frames(bytes: &[u8]) {
    let _ = frame::decode::<Hello>(bytes);
    let mut stream = bytes;
    while let Ok(Some(frame)) = frame::read::<ClientFrame>(&mut stream, frame::INPUT_FRAME_MAX) {
        if let ClientFrame::Key(sent) = frame {
            let _ = Inbound::parse(&sent, Size::MODEL_5);
        }
    }
    let mut stream = bytes;
    while let Ok(Some(reply)) = frame::read::<Reply>(&mut stream, FRAME_MAX) {
        assert!(frame::encode(&reply).is_ok(), "what was read can be sent");
    }
}
