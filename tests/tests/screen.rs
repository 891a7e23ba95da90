//! What CP tells the operator screen: the machines of its window, ordered, filtered and counted over all.

use console::client;
use console::wire::{Cursor, Order, Snapshot, Window};
use tests::{System, wait_for};

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
