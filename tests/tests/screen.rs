//! What CP tells the operator screen: the machines of its window, ordered, filtered and counted over all.

use console::client;
use console::wire::{Cursor, Order, Snapshot, Window};
use tests::{System, Tmux, wait_for};

const USERS: usize = 40;

fn userids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.machines.iter().map(|machine| machine.userid.as_str()).collect()
}

/// Forty users who wait for a line in CMS, and the first of them, who loops.
fn system() -> (System, Vec<String>, tests::Terminal) {
    let system = System::start();
    let names = system.add_users(USERS);
    let mut loops = system.log_on(&names[0]);
    loops.type_line("abend loop");
    for name in &names[1..] {
        system.cp(&format!("XAUTOLOG {name}")).succeeded();
    }
    (system, names, loops)
}

#[test]
fn cp_tells_of_the_window_only_and_counts_everybody() {
    let (system, names, _loops) = system();
    let mut watch = client::watch(&system.socket()).expect("CP listens");
    let mut told = |window: &Window| watch.snapshot(window).expect("CP answers");
    let everybody = wait_for("all to wait for a line", || {
        let everybody = told(&Window::everything());
        let ready = everybody.machines.iter().filter(|machine| machine.state == "VM READ" && machine.system == "CMS").count();
        (ready == USERS - 1).then_some(everybody)
    });
    assert_eq!((everybody.logged_on, everybody.matching, everybody.machines.len()), (41, 41, 41));
    assert!(userids(&everybody).is_sorted() && everybody.machines.iter().all(|machine| machine.trend.is_empty()));

    // A window in the middle, with a margin; the cursor's user is looked for over all.
    let cursor = |userid: &str| Some(Cursor { userid: Some(userid.into()), row: 0 });
    let middle = told(&Window { first: 20, rows: 5, margin: 2, cursor: cursor("U0039"), ..Window::default() });
    assert_eq!((middle.first, middle.from, middle.matching), (20, 18, 41));
    assert_eq!(userids(&middle), userids(&everybody)[18..27]);
    assert_eq!(middle.cursor, Some((39, "U0039".to_string())));
    let followed = told(&Window { first: 20, rows: 5, cursor: cursor("U0039"), follow: true, ..Window::default() });
    assert_eq!((followed.first, userids(&followed).last().copied()), (35, Some("U0039")));

    // Filters look at what each is and does.
    assert_eq!(told(&Window { filter: "vm read".into(), rows: 1, ..Window::default() }).matching, 39);
    assert_eq!(userids(&told(&Window { filter: "sysc".into(), rows: 9, ..Window::default() })), ["OPERATOR"]);
    assert_eq!(told(&Window { filter: "u000".into(), rows: 1, ..Window::default() }).matching, 9);
    assert_eq!(told(&Window { filter: "nobody".into(), rows: 9, ..Window::default() }).matching, 0);

    // Every order agrees with what is told.
    for order in [Order::TotCpu, Order::VirtCpu] {
        let told = told(&Window { order, descending: true, rows: 1, ..Window::default() });
        assert_eq!(userids(&told), [names[0].as_str()], "{order:?}");
    }
    let by_state = told(&Window { order: Order::State, ..Window::everything() });
    assert!(by_state.machines.is_sorted_by_key(|machine| machine.state.clone()));
    let by_storage = told(&Window { order: Order::Resident, descending: true, ..Window::everything() });
    assert!(by_storage.machines.first().is_some_and(|machine| machine.resident_pages > 0));
    assert_eq!(by_storage.machines.last().map(|machine| machine.userid.as_str()), Some("OPERATOR"));

    // One user, wherever it is, and userids for TAB.
    let about = told(&Window { about: Some("U0033".into()), naming: Some("u003".into()), ..Window::default() });
    assert_eq!(about.about.map(|machine| machine.userid).as_deref(), Some("U0033"));
    assert_eq!(about.names.len(), 10);
    assert!(told(&Window { about: Some("NOBODY".into()), naming: Some("?".into()), ..Window::default() }).about.is_none());
}

#[test]
fn cp_keeps_the_histories_of_all_while_somebody_looks() {
    let (system, names, _loops) = system();
    let mut watch = client::watch(&system.socket()).expect("CP listens");
    // Nobody ever looks at the first user until there is something to see.
    let elsewhere = Window { first: 20, rows: 5, trend: 60, ..Window::default() };
    wait_for("two figures of a machine that is shown", || {
        let told = watch.snapshot(&elsewhere).expect("CP answers");
        (told.machines[0].trend.len() >= 2).then_some(())
    });
    let told = watch.snapshot(&Window { about: Some(names[0].clone()), trend: 60, ..Window::default() }).expect("CP answers");
    let looping = told.about.expect("it is logged on");
    assert!(looping.trend.len() >= 2 && looping.trend.iter().any(|percent| *percent > 1.0), "{looping:?}");
    let one = watch.snapshot(&Window { rows: 1, trend: 1, ..Window::default() }).expect("CP answers");
    assert_eq!(one.machines[0].trend.len(), 1, "no more than is asked for");
}

#[test]
fn cp_tells_what_there_is_to_know_of_one_machine_and_the_newest_files() {
    let system = System::start();
    system.cp("XAUTOLOG CMSUSER").succeeded();
    system.cp("SET OBSERVER CMSUSER MAINT").succeeded();
    for name in ["ONE", "TWO", "THREE"] {
        system.cp64(&["punch", "--to", "MAINT", "--name", &format!("{name}.DATA"), "-"], b"a card\n").succeeded();
    }
    let mut watch = client::watch(&system.socket()).expect("CP listens");
    let window = Window { about: Some("CMSUSER".into()), lines: 50, files: 2, ..Window::default() };
    let told = wait_for("CMS to be ready and a figure of the processors", || {
        let told = watch.snapshot(&window).expect("CP answers");
        let ready = told.detail.recent.iter().any(|line| line.text.starts_with("Ready;"));
        (ready && told.processors.iter().all(|processor| !processor.trend.is_empty())).then_some(told)
    });
    assert_eq!((told.detail.heard_by.as_str(), told.detail.recorded), ("OBSERVER MAINT", false));
    assert!(told.detail.devices.iter().any(|device| device.starts_with("DASD 0191 ")), "{:?}", told.detail.devices);
    let files: Vec<_> = told.spool.files.iter().map(|file| (file.name.as_str(), file.owner.as_str(), file.queue.as_str())).collect();
    assert_eq!(files, [("THREE DATA", "MAINT", "RDR"), ("TWO DATA", "MAINT", "RDR")]);
    let none = watch.snapshot(&Window::default()).expect("CP answers");
    assert!(none.spool.files.is_empty() && none.detail.devices.is_empty());
}

#[test]
fn the_real_screen_in_a_real_terminal() {
    let system = System::start();
    let names = system.add_users(3);
    names.iter().for_each(|name| drop(system.cp(&format!("XAUTOLOG {name}")).succeeded()));
    let place = system.directory().display().to_string();
    let program = tests::cp64().display().to_string();
    let tmux = Tmux::with_shell(80, 24);
    tmux.keys(&[&format!("stty -echo; {program} operator --system {place}; echo left with $?"), "Enter"]);
    let main = tmux.shows("===>");
    assert!(main.lines().count() <= 24 && main.lines().all(|row| row.chars().count() <= 80), "{main}");
    tmux.shows("Machines 4");
    // A guest cannot drive this terminal.
    system.cp("MSGNOH OPERATOR \u{1b}]0;owned\u{7}\u{1b}[2Jstill here").succeeded();
    tmux.shows("[2Jstill here");
    assert!(!tmux.run(&["display-message", "-p", "-t", "screen", "#{pane_title}"]).contains("owned"));
    tmux.keys(&["F10"]);
    tmux.keys(&["/", "u*", "Enter"]);
    tmux.shows("3 match");
    tmux.keys(&["Enter"]);
    tmux.shows("1 of 3 match");
    tmux.keys(&["F11"]);
    tmux.shows(&format!(" {} ", names[1]));
    // Behind ESC nothing may come at once: it would be a key with Alt.
    tmux.keys(&["Escape"]);
    tmux.shows("─ 3 match \"u*\"");
    tmux.run(&["resize-window", "-t", "screen", "-x", "200", "-y", "50"]);
    tmux.shows("Reader files");
    // Keys act on what CP has told of the machines; in a console it is not asked for all of them.
    tmux.shows(&format!(">{}", names[1]));
    tmux.keys(&["F2", "F9"]);
    tmux.shows("DASD 0190 3390 ");
    tmux.keys(&["F11", "f"]);
    tmux.shows("This cannot be taken back");
    tmux.keys(&["y"]);
    tmux.shows("LOGOFF AS");
    tmux.keys(&["F3"]);
    tmux.shows("Detach");
    tmux.keys(&["d"]);
    tmux.shows("left with 0");
    assert!(system.cp_says("query names").contains("OPERATOR - SYSC"));
}
