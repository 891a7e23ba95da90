//! Printed pages as plain text: form feeds between pages, overstruck characters as one.

use std::io::{self, Write};

use super::paper::Page;

/// Writes pages one after the other.
pub struct TextWriter<W: Write> {
    out: W,
    pages: u64,
}

impl<W: Write> TextWriter<W> {
    /// Nothing written yet.
    pub fn new(out: W) -> Self {
        Self { out, pages: 0 }
    }

    /// Adds a page.
    pub fn page(&mut self, page: &Page) -> io::Result<()> {
        if self.pages > 0 {
            self.out.write_all(b"\x0c")?;
        }
        self.pages += 1;
        for strikes in &page.lines {
            self.out.write_all(overstruck(strikes).as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// All is written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// What is read where several texts stand one over the other: the last that is neither blank nor an underline.
fn overstruck(strikes: &[String]) -> String {
    let mut seen: Vec<char> = Vec::new();
    for text in strikes {
        for (column, c) in text.chars().enumerate() {
            match seen.get_mut(column) {
                None => seen.push(c),
                Some(under) if c != ' ' && (c != '_' || *under == ' ') => *under = c,
                Some(_) => {}
            }
        }
    }
    seen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_parted_by_form_feeds_and_strikes_are_read_as_one() {
        let mut text = TextWriter::new(Vec::new());
        text.page(&Page { lines: vec![vec!["bold".into(), "bold".into()], vec![], vec!["under line".into(), "_____".into()]] }).unwrap();
        text.page(&Page::of(["next".to_string()])).unwrap();
        assert_eq!(String::from_utf8(text.finish().unwrap()).unwrap(), "bold\n\nunder line\n\x0cnext\n");
    }
}
