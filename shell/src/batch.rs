//! CMSBATCH: runs the jobs that wait in the reader, one after the other; HB ends it behind the job that runs.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::reader::Afterwards;
use crate::session::Shell;
use crate::words::{Words, without_trailing_blanks};

/// Jobs in one call at most: a job that punches itself a successor must not go on for ever unseen.
const JOBS: usize = 10_000;

impl<C: Cp> Shell<C> {
    /// CMSBATCH
    pub(crate) fn cmsbatch_command(&mut self, words: &Words) -> Outcome {
        if let Some(surplus) = words.operands.first().or(words.options.first()) {
            return Err(self.bad_operand(surplus));
        }
        for _ in 0..JOBS {
            let Some(file) = self.cp.reader_file(0) else { break };
            // The job is out of the reader before it runs: its own READCARD and RECEIVE find the next file, and it does not run twice.
            let job = self.with_reader(Afterwards::Close, |shell| {
                let cards = shell.cards_of(&file)?;
                job_of(&cards).ok_or_else(|| shell.fail(32, "105E", format!("Spool file {:04} is no job: it has no /JOB card", file.spid)))
            })?;
            self.run_job(&job);
            if self.cp.batch_halted() {
                self.note("109I", "CMSBATCH ends: HB was typed");
                break;
            }
        }
        Ok(())
    }

    /// Runs a job: each of its lines is shown and carried out. The job is over at the end of its lines, whatever they return.
    fn run_job(&mut self, job: &Job) {
        self.note("101I", format!("Job {} started for {}", job.name, job.owner));
        let mut last = Ok(());
        for line in &job.lines {
            self.show_line(line);
            last = self.execute(line);
            if let Err(Rc(code)) = last {
                self.say(format!("+++ R({code:05}) +++"));
            }
        }
        self.code = "BTC";
        let code = last.err().map_or(0, |Rc(code)| code);
        self.note("102I", format!("Job {} ended with return code {code}", job.name));
    }
}

/// A job: the cards between `/JOB` and `/*`.
#[derive(Debug, PartialEq, Eq)]
struct Job {
    owner: String,
    name: String,
    lines: Vec<Vec<u8>>,
}

/// The job that cards make: `/JOB userid account [name]`, then commands, up to `/*` or the last card. `:READ` cards and `/SET` are passed over.
fn job_of(cards: &[Vec<u8>]) -> Option<Job> {
    let mut cards = cards.iter().map(|card| without_trailing_blanks(card)).skip_while(|card| card.is_empty() || card.starts_with(b":READ"));
    let head = Words::parse(cards.next()?);
    if head.command != "/JOB" {
        return None;
    }
    let word = |at, without: &str| if head.operand(at).is_empty() { String::from(without) } else { String::from(head.operand(at)) };
    let lines = cards.take_while(|card| !card.starts_with(b"/*")).filter(|card| !card.is_empty() && !card.starts_with(b"/SET"));
    Some(Job { owner: word(0, "CMSBATCH"), name: word(2, "JOB"), lines: lines.map(<[u8]>::to_vec).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_what_stands_between_its_cards() {
        let cards: Vec<Vec<u8>> = [":READ  A JOB", "/JOB BOB 17 NIGHTLY   ", "/SET TIME 10", "identify", "", "/*", "rest"]
            .iter()
            .map(|card| card.as_bytes().to_vec())
            .collect();
        let job = job_of(&cards).expect("a job");
        assert_eq!((job.owner.as_str(), job.name.as_str()), ("BOB", "NIGHTLY"));
        assert_eq!(job.lines, [b"identify".to_vec()]);
        assert_eq!(job_of(&cards[3..]), None);
        assert_eq!(job_of(&[]), None);
    }
}
