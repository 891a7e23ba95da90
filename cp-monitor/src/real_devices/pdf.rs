//! Printed pages as PDF, on plain paper or on green-bar.
//!
//! pdf-writer makes the objects: it is small, pure Rust, and leaves the layout to us, which is all there is to a line printer. The
//! typeface is Courier, which every PDF reader has. A document is made in memory, so a long print becomes several of
//! [`PAGES_MAX`] pages. The same pages give the same bytes.

use pdf_writer::{Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::paper::Page;

/// Most pages of one document: 132 columns by 66 lines of each are some 3 KiB, compressed.
pub const PAGES_MAX: usize = 2000;

/// What is printed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    /// White.
    #[default]
    Plain,
    /// Continuous paper with green bars of half an inch and holes at both sides.
    GreenBar,
}

/// Points of the paper: 14 7/8 by 11 inches.
const WIDTH: f32 = 1071.0;
const HEIGHT: f32 = 792.0;
/// Points of the printed columns: 132 of a tenth of an inch.
const PRINTED: f32 = 950.4;
const LEFT: f32 = (WIDTH - PRINTED) / 2.0;
/// Points from line to line, a little less than a sixth of an inch so that 66 lines leave a margin.
const LEADING: f32 = 11.5;
/// Top of the first line.
const TOP: f32 = HEIGHT - (HEIGHT - 66.0 * LEADING) / 2.0;
/// Lines of a green bar.
const BAR: u16 = 3;
/// Width of a character of Courier for one point of size.
const ADVANCE: f32 = 0.6;

/// What the document says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Title.
    pub title: String,
    /// Who printed it.
    pub author: String,
    /// When it was made: year, month, day, hour, minute, second in UTC.
    pub created: (u16, u8, u8, u8, u8, u8),
}

/// A document in the making.
pub struct PdfWriter {
    paper: Paper,
    about: About,
    /// Page contents, compressed.
    pages: Vec<Vec<u8>>,
}

impl PdfWriter {
    /// An empty document.
    pub fn new(paper: Paper, about: About) -> Self {
        Self { paper, about, pages: Vec::new() }
    }

    /// Adds a page.
    pub fn page(&mut self, page: &Page) {
        let content = drawn(page, self.paper);
        self.pages.push(miniz_oxide::deflate::compress_to_vec_zlib(&content, 6));
    }

    /// Pages so far.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// The document of the pages so far; the next page begins another one.
    pub fn take(&mut self) -> Vec<u8> {
        let contents = std::mem::take(&mut self.pages);
        let id = |number: usize| Ref::new(i32::try_from(number).unwrap_or(i32::MAX));
        let (catalog, tree, font, info) = (id(1), id(2), id(3), id(4));
        let page = |number: usize| id(5 + 2 * number);
        let content = |number: usize| id(6 + 2 * number);
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids((0..contents.len()).map(page)).count(i32::try_from(contents.len()).unwrap_or(i32::MAX));
        pdf.type1_font(font).base_font(Name(b"Courier")).encoding_predefined(Name(b"WinAnsiEncoding"));
        let (year, month, day, hour, minute, second) = self.about.created;
        let created = Date::new(year).month(month).day(day).hour(hour).minute(minute).second(second).utc_offset_hour(0);
        pdf.document_info(info)
            .title(TextStr(&self.about.title))
            .author(TextStr(&self.about.author))
            .creator(TextStr("CP-64"))
            .creation_date(created);
        for (number, data) in contents.iter().enumerate() {
            let mut object = pdf.page(page(number));
            object.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(content(number));
            object.resources().fonts().pair(Name(b"F"), font);
            object.finish();
            pdf.stream(content(number), data).filter(Filter::FlateDecode);
        }
        pdf.finish()
    }
}

/// The drawing operators of a page.
fn drawn(page: &Page, paper: Paper) -> Vec<u8> {
    let mut content = Content::new();
    if paper == Paper::GreenBar {
        draw_green_bar(&mut content);
    }
    // 10 characters to the inch, closer when a line has more than 132.
    let columns = if page.columns() > 132 { 204.0 } else { 132.0 };
    let size = PRINTED / columns / ADVANCE;
    content.set_fill_gray(0.0);
    content.begin_text();
    content.set_font(Name(b"F"), size);
    for (line, strikes) in (0_u16..).zip(&page.lines) {
        let baseline = TOP - f32::from(line + 1) * LEADING + LEADING * 0.25;
        for text in strikes {
            content.set_text_matrix([1.0, 0.0, 0.0, 1.0, LEFT, baseline]);
            content.show(Str(&win_ansi(text)));
        }
    }
    content.end_text();
    content.finish().into_vec()
}

fn draw_green_bar(content: &mut Content) {
    content.set_fill_rgb(0.86, 0.95, 0.86);
    for bar in (0..66 / BAR).filter(|bar| bar % 2 == 0) {
        let top = TOP - f32::from(bar * BAR) * LEADING;
        let height = f32::from(BAR) * LEADING;
        content.rect(LEFT - 12.0, top - height, PRINTED + 24.0, height);
        content.fill_nonzero();
    }
    content.set_stroke_gray(0.75);
    content.set_line_width(0.75);
    for hole in 0..22_u16 {
        let y = 18.0 + f32::from(hole) * 36.0;
        circle(content, 18.0, y, 5.5);
        circle(content, WIDTH - 18.0, y, 5.5);
    }
    content.stroke();
    // Where the strips with the holes are torn off.
    content.set_dash_pattern([2.0, 3.0], 0.0);
    for x in [36.0, WIDTH - 36.0] {
        content.move_to(x, 0.0);
        content.line_to(x, HEIGHT);
    }
    content.stroke();
}

/// A circle of four curves.
fn circle(content: &mut Content, x: f32, y: f32, radius: f32) {
    let bend = radius * 0.552_285;
    content.move_to(x + radius, y);
    content.cubic_to(x + radius, y + bend, x + bend, y + radius, x, y + radius);
    content.cubic_to(x - bend, y + radius, x - radius, y + bend, x - radius, y);
    content.cubic_to(x - radius, y - bend, x - bend, y - radius, x, y - radius);
    content.cubic_to(x + bend, y - radius, x + radius, y - bend, x + radius, y);
    content.close_path();
}

/// Text in the encoding of the typeface; what it does not have is a question mark.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match u32::from(c) {
            code @ (0x20..=0x7e | 0xa0..=0xff) => code as u8,
            0x20ac => 0x80,
            0x2013 => 0x96,
            0x2014 => 0x97,
            0x2018 => 0x91,
            0x2019 => 0x92,
            0x201c => 0x93,
            0x201d => 0x94,
            0x2022 => 0x95,
            _ => b'?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_whole_and_the_same_every_time() {
        let make = || {
            let mut pdf = PdfWriter::new(Paper::GreenBar, About { title: "REPORT (1".to_string(), ..About::default() });
            pdf.page(&Page::of(["hello (world) \\ é €".to_string(), "x".repeat(204)]));
            pdf.page(&Page::default());
            assert_eq!(pdf.len(), 2);
            let bytes = pdf.take();
            assert_eq!(pdf.len(), 0);
            bytes
        };
        let bytes = make();
        assert!(bytes.starts_with(b"%PDF-1.") && bytes.ends_with(b"%%EOF"));
        assert_eq!(bytes, make());
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("/Count 2") && text.contains("/BaseFont /Courier"), "{text}");
    }

    #[test]
    fn text_is_encoded_for_the_typeface() {
        assert_eq!(win_ansi("Aé€→"), [b'A', 0xe9, 0x80, b'?']);
    }
}
