//! The help files of the CP commands read well on a terminal of 80 columns and have the parts that HELP promises.

use std::fs;
use std::path::{Path, PathBuf};

fn help_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/help/cp");
    let paths = fs::read_dir(folder).expect("docs/help/cp").map(|entry| entry.expect("a file").path());
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("text"))
    };
    paths.map(read).collect()
}

#[test]
fn every_help_file_has_title_syntax_class_and_example() {
    let files = help_files();
    assert!(files.len() >= 34, "{} files", files.len());
    for (name, text) in files {
        let title = text.lines().next().unwrap_or_default();
        assert!(title == format!("# {name}") || (name == "COMMENT" && title == "# * (comment)"), "{name}: {title}");
        for part in ["\n## Syntax\n", "\nClass: ", "\n## Responses\n", "\n## Example\n"] {
            assert!(text.contains(part), "{name} lacks {part:?}");
        }
    }
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    for (name, text) in help_files() {
        for (number, line) in text.lines().enumerate() {
            assert!(line.is_ascii() && line.len() <= 80, "{name}.md line {}: {line}", number + 1);
            assert_eq!(line.trim_end(), line, "{name}.md line {} ends with blanks", number + 1);
        }
    }
}

#[test]
fn the_overview_names_every_command() {
    let files = help_files();
    let overview = &files.iter().find(|(name, _)| name == "CP").expect("CP.md").1;
    for (name, _) in &files {
        let listed = overview.lines().any(|line| line.starts_with("    ") && line.split_whitespace().any(|word| word == name));
        assert!(listed, "{name} is not in CP.md");
    }
}
