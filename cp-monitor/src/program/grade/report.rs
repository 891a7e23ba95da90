//! A grade in words, in a table and as JSON. Pure.

use std::path::PathBuf;

use cp_monitor::trial::compare::{Difference, lines};
use cp_monitor::trial::{End, Report};
use serde_json::{Value, json};

/// Exit code: the command line or a file of it is wrong.
pub const WRONG: u8 = 2;
const DIFFERS: u8 = 1;
const LIMIT: u8 = 3;
const FAILED: u8 = 4;
/// Bytes of output in a report: a kernel that floods its console says the same all over.
const OUTPUT_SHOWN: usize = 256 << 10;
/// Characters of a line that differs.
const LINE_SHOWN: usize = 200;

/// What a kernel that was run came to.
pub struct Outcome {
    pub report: Report,
    pub difference: Option<Difference>,
}

/// A kernel, and what it came to; or why it could not be run.
pub struct Grade {
    pub kernel: PathBuf,
    pub outcome: Result<Outcome, String>,
}

/// As much of a line as tells what it is.
fn shown(line: &str) -> String {
    match line.char_indices().nth(LINE_SHOWN) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_string(),
    }
}

/// Text of students' making, for a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

impl Outcome {
    fn of(&self) -> (u8, &'static str, &str) {
        match (&self.report.end, &self.difference) {
            (End::Failed(why), _) => (FAILED, "failed", why),
            (End::Limit(why), _) => (LIMIT, "limit", why),
            (End::Ended(why), Some(_)) => (DIFFERS, "differs", why),
            (End::Ended(why), None) => (0, "pass", why),
        }
    }

    /// Where the output differs first.
    fn place(&self) -> Option<String> {
        let shown = |line: &Option<String>| line.as_ref().map_or("nothing more".to_string(), |line| format!("{:?}", shown(line)));
        let difference = self.difference.as_ref()?;
        Some(format!("line {}: expected {}, found {}", difference.line, shown(&difference.expected), shown(&difference.found)))
    }
}

impl Grade {
    pub fn code(&self) -> u8 {
        self.outcome.as_ref().map_or(WRONG, |outcome| outcome.of().0)
    }

    fn result(&self) -> &'static str {
        self.outcome.as_ref().map_or("refused", |outcome| outcome.of().1)
    }

    pub fn json(&self) -> Value {
        let kernel = self.kernel.display().to_string();
        let outcome = match &self.outcome {
            Ok(outcome) => outcome,
            Err(why) => return json!({ "kernel": kernel, "result": self.result(), "exit_code": self.code(), "why": why }),
        };
        let report = &outcome.report;
        let first = outcome
            .difference
            .as_ref()
            .map(|difference| json!({ "line": difference.line, "expected": difference.expected, "found": difference.found.as_deref().map(shown) }));
        let output = &report.output[..report.output.len().min(OUTPUT_SHOWN)];
        json!({
            "kernel": kernel,
            "result": self.result(),
            "exit_code": self.code(),
            "why": outcome.of().2,
            "instructions": report.instructions,
            "machine_seconds": report.machine_time as f64 / 1e9,
            "seconds": report.time.as_secs_f64(),
            "unread_input_lines": report.unread,
            "output": lines(output),
            "output_bytes": report.output.len(),
            "first_difference": first,
        })
    }

    /// Of a kernel that was run.
    pub fn text(&self) -> String {
        let Ok(outcome) = &self.outcome else { return String::new() };
        let (report, (_, result, why)) = (&outcome.report, outcome.of());
        let mut text = format!("{result}: {}; {} instructions, {:.3} s\n", harmless(why), report.instructions, report.time.as_secs_f64());
        text.extend(outcome.place().map(|place| place + "\n"));
        text
    }

    /// Name, result, instructions, seconds, why.
    fn row(&self) -> [String; 5] {
        let name = self.kernel.file_name().map_or_else(|| self.kernel.display().to_string(), |name| name.to_string_lossy().into_owned());
        let (instructions, seconds, why) = match &self.outcome {
            Err(why) => {
                let prefix = format!("{}: ", self.kernel.display());
                (String::new(), String::new(), why.strip_prefix(&prefix).unwrap_or(why).to_string())
            }
            Ok(outcome) => {
                let (report, (code, _, why)) = (&outcome.report, outcome.of());
                let place = outcome.place().filter(|_| code == DIFFERS);
                (report.instructions.to_string(), format!("{:.3}", report.time.as_secs_f64()), place.unwrap_or_else(|| why.to_string()))
            }
        };
        [harmless(&name), self.result().to_string(), instructions, seconds, harmless(&why)]
    }
}

/// A line for each, and how many there are of each result.
pub fn table(grades: &[Grade]) -> String {
    let head = ["KERNEL", "RESULT", "INSTRUCTIONS", "SECONDS", "WHY"].map(str::to_string);
    let rows: Vec<_> = std::iter::once(head).chain(grades.iter().map(Grade::row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, results, counts, seconds) = (width(0), width(1), width(2), width(3));
    let line = |[name, result, count, time, why]: &[String; 5]| {
        format!("{name:<names$}  {result:<results$}  {count:>counts$}  {time:>seconds$}  {why}\n")
    };
    let count = |result: &str| grades.iter().filter(|grade| grade.result() == result).count();
    let counts_of = ["pass", "differs", "limit", "failed", "refused"].map(|result| (count(result), result));
    let counted: Vec<_> = counts_of.iter().filter(|(count, _)| *count > 0).map(|(count, result)| format!("{count} {result}")).collect();
    let kernels = if grades.len() == 1 { "kernel" } else { "kernels" };
    rows.iter().map(line).collect::<String>() + &format!("{} {kernels}: {}\n", grades.len(), counted.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn grade(kernel: &str, outcome: Result<(End, bool), String>) -> Grade {
        let outcome = outcome.map(|(end, differs)| {
            let difference = Difference { line: 2, expected: Some("a".to_string()), found: None };
            let (output, time) = (b"x\n".to_vec(), Duration::from_millis(12));
            let report = Report { end, output, instructions: 1234, machine_time: 5, time, unread: 0 };
            Outcome { report, difference: differs.then_some(difference) }
        });
        Grade { kernel: kernel.into(), outcome }
    }

    #[test]
    fn a_table_has_a_line_for_each_and_a_sum() {
        let off = || End::Ended("the guest switched the machine off".to_string());
        let grades = [
            grade("in/ada", Ok((off(), false))),
            grade("in/b\x1b[31mob", Ok((off(), true))),
            grade("in/cy", Ok((End::Failed("triple fault".to_string()), true))),
            grade("in/dan", Err("in/dan: The image is damaged".to_string())),
        ];
        assert_eq!(grades.each_ref().map(Grade::code), [0, 1, 4, 2]);
        let table = table(&grades);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "KERNEL    RESULT   INSTRUCTIONS  SECONDS  WHY");
        assert_eq!(lines[1], "ada       pass             1234    0.012  the guest switched the machine off");
        assert_eq!(lines[2], "b?[31mob  differs          1234    0.012  line 2: expected \"a\", found nothing more");
        assert_eq!(lines[3], "cy        failed           1234    0.012  triple fault");
        assert_eq!(lines[4].trim_end(), "dan       refused                         The image is damaged");
        assert_eq!((shown("short"), shown(&"é".repeat(1000)).chars().count()), ("short".to_string(), LINE_SHOWN + 3));
        assert_eq!(lines[5], "4 kernels: 1 pass, 1 differs, 1 failed, 1 refused");
        assert_eq!(grades[3].json()["exit_code"], 2);
        assert_eq!((grades[0].json()["result"].as_str(), grades[0].json()["output_bytes"].as_u64()), (Some("pass"), Some(2)));
    }
}
