//! What keys, frames and time do to the state, without a terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::operator::Ending;
use crate::operator::completion::Word;
use crate::operator::state::{Channel, Effect, Event, Focus, Overlay, Pane, State, View};
use crate::wire::{self, Answer, ClientFrame, ConsoleState, FileView, Order, Reply, Request};

use proptest::prelude::*;

use super::{OPERATOR, arrives, control, empty, full, later, press, screen, system, types, update};

const SIZE: (u16, u16) = (80, 24);

fn sent(effects: &[Effect]) -> Vec<&str> {
    let line = |effect| match effect {
        &Effect::Send(_, ClientFrame::Line(ref line)) => Some(line.as_str()),
        _ => None,
    };
    effects.iter().filter_map(line).collect()
}

fn is_end(effects: &[Effect], wanted: &Ending) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::End(ending) if ending == wanted))
}

#[test]
fn a_command_is_sent_and_kept_but_one_with_a_password_is_not_kept() {
    let mut state = full(SIZE, 4);
    types(&mut state, "q names");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(sent(&effects), ["q names"]);
    assert!(matches!(&effects[1], Effect::Remember(line) if line == "q names"));
    types(&mut state, "logon maint sesame");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects.len(), 1, "sent, not remembered: {effects:?}");
    press(&mut state, KeyCode::F(12));
    press(&mut state, KeyCode::Up);
    assert_eq!(state.operator.editor.text(), "q names");
}

#[test]
fn tab_writes_the_full_name_and_goes_round() {
    let mut state = full(SIZE, 4);
    types(&mut state, "cp dis");
    let mut seen = Vec::new();
    for _ in 0..3 {
        press(&mut state, KeyCode::Tab);
        seen.push(state.operator.editor.text().to_owned());
    }
    assert_eq!(seen, ["cp DISPLAY ", "cp DISCONN ", "cp DISPLAY "]);
    types(&mut state, "x");
    assert_eq!(state.operator.editor.text(), "cp DISPLAY x", "another key settles it");
}

#[test]
fn tab_completes_users_behind_the_command() {
    let mut state = full(SIZE, 4);
    types(&mut state, "force mai");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.operator.editor.text(), "force MAINT ");
    types(&mut state, "zz");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.operator.editor.text(), "force MAINT zz");
    assert!(state.hint.is_some());
}

#[test]
fn q_types_and_ctrl_c_only_hints() {
    let mut state = full(SIZE, 4);
    assert!(press(&mut state, KeyCode::Char('q')).is_empty());
    assert!(control(&mut state, 'c').is_empty());
    assert!(screen(&state).contains("F3 leaves this screen"));
    assert!(state.overlay.is_none());
    later(&mut state, 5_001);
    assert!(state.hint.is_none());
}

#[test]
fn an_attached_screen_detaches_and_an_owning_one_cannot() {
    let mut state = full(SIZE, 4);
    state.owns_system = false;
    press(&mut state, KeyCode::F(3));
    assert!(is_end(&press(&mut state, KeyCode::Char('d')), &Ending::Detached));
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(3));
    assert!(press(&mut state, KeyCode::Char('d')).is_empty());
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "ENTER decides nothing");
    assert!(matches!(state.overlay, Some(Overlay::Leave)));
    press(&mut state, KeyCode::Esc);
    assert!(state.overlay.is_none());
}

#[test]
fn disconnect_leaves_an_attached_screen_and_asks_on_an_owning_one() {
    for line in ["disconn", " CP disconn hold", "#cp disconn"] {
        let mut state = full(SIZE, 4);
        state.owns_system = false;
        types(&mut state, line);
        let effects = press(&mut state, KeyCode::Enter);
        assert!(is_end(&effects, &Ending::Detached) && sent(&effects).is_empty(), "{line}: {effects:?}");
        let mut state = full(SIZE, 4);
        types(&mut state, line);
        assert!(press(&mut state, KeyCode::Enter).is_empty());
        assert!(matches!(state.overlay, Some(Overlay::Leave)), "{line}");
        assert_eq!(state.operator.editor.text(), "");
    }
    for line in ["disp g", "q time#disconn", "msg maint disconn"] {
        let mut state = full(SIZE, 4);
        state.words.extend(more_words());
        types(&mut state, line);
        assert_eq!(sent(&press(&mut state, KeyCode::Enter)), [line]);
    }
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Enter);
    arrives(&mut state, Channel::Console(1), Reply::State(ConsoleState::Running));
    types(&mut state, "#cp disconn");
    assert_eq!(sent(&press(&mut state, KeyCode::Enter)), ["#cp disconn"], "another user's machine is that user's");
}

#[test]
fn shutdown_is_ordered_and_waited_for() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(3));
    let effects = press(&mut state, KeyCode::Char('s'));
    assert!(matches!(&effects[..], [Effect::Open(Channel::Order, Request::Command(c))] if c == "SHUTDOWN"));
    arrives(&mut state, Channel::Order, Reply::Answer(Answer { code: 0, lines: vec!["Going down".into()], json: String::new() }));
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    arrives(&mut state, OPERATOR, Reply::Ended(wire::Ending::Shutdown));
    assert!(is_end(&press(&mut state, KeyCode::Enter), &Ending::Shutdown));
}

#[test]
fn a_connection_that_breaks_during_shutdown_is_the_shutdown() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(3));
    press(&mut state, KeyCode::Char('s'));
    update(&mut state, Event::Closed(Channel::Watch, "gone".into()));
    update(&mut state, Event::Closed(OPERATOR, "gone".into()));
    assert!(is_end(&later(&mut state, 10_000), &Ending::Shutdown));
}

#[test]
fn a_refused_shutdown_keeps_the_screen_and_says_why() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(3));
    press(&mut state, KeyCode::Char('s'));
    arrives(&mut state, Channel::Order, Reply::Refused { code: 1, message: "HCPSHU001E Not now".into() });
    update(&mut state, Event::Closed(Channel::Order, "closed".into()));
    assert!(state.overlay.is_none());
    assert!(screen(&state).contains("HCPSHU001E Not now"));
}

#[test]
fn a_lost_connection_shows_why_and_then_ends() {
    let mut state = full(SIZE, 4);
    update(&mut state, Event::Closed(OPERATOR, "broken pipe".into()));
    assert!(screen(&state).contains("broken pipe"));
    assert!(!is_end(&later(&mut state, 100), &Ending::Lost("broken pipe".into())));
    assert!(is_end(&later(&mut state, 10_000), &Ending::Lost("broken pipe".into())));
}

#[test]
fn an_operator_who_logged_off_can_log_on_again() {
    let mut state = full(SIZE, 4);
    arrives(&mut state, OPERATOR, Reply::Ended(wire::Ending::LoggedOff));
    update(&mut state, Event::Closed(OPERATOR, "closed".into()));
    assert!(state.overlay.is_none(), "the system goes on");
    assert!(screen(&state).contains("ENTER logs OPERATOR on"));
    let effects = press(&mut state, KeyCode::Enter);
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Open(Channel::Console(1), Request::Logon(l)) if !l.attach && l.userid == "OPERATOR"))
    );
    assert!(sent(&press(&mut state, KeyCode::Enter)).is_empty(), "nothing is sent before CP has answered");
}

#[test]
fn the_end_of_the_first_console_is_not_the_end_of_the_second() {
    let mut state = full(SIZE, 4);
    arrives(&mut state, OPERATOR, Reply::Ended(wire::Ending::TakenOver));
    press(&mut state, KeyCode::Enter);
    update(&mut state, Event::Closed(OPERATOR, "closed".into()));
    assert!(state.overlay.is_none());
    let accepted = Reply::Accepted { system: "CP64SYS".into(), userid: "OPERATOR".into() };
    arrives(&mut state, Channel::Console(1), accepted);
    types(&mut state, "q time");
    let effects = press(&mut state, KeyCode::Enter);
    assert!(matches!(effects[0], Effect::Send(Channel::Console(1), _)));
    update(&mut state, Event::Closed(Channel::Console(1), "gone".into()));
    assert!(matches!(state.overlay, Some(Overlay::Closing { .. })));
}

#[test]
fn a_password_is_sent_hidden() {
    let mut state = empty(SIZE);
    arrives(&mut state, OPERATOR, Reply::Password("Enter password: ".into()));
    types(&mut state, "sesame?/");
    assert!(!screen(&state).contains("sesame") && screen(&state).contains("Enter password:"));
    press(&mut state, KeyCode::F(1));
    assert!(!screen(&state).to_lowercase().contains("sesame"));
    press(&mut state, KeyCode::Esc);
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(sent(&effects), ["sesame?/"]);
    assert_eq!(effects.len(), 1, "nothing is remembered");
    press(&mut state, KeyCode::Up);
    assert_eq!(state.operator.editor.text(), "");
}

#[test]
fn a_machines_console_is_opened_used_and_left() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(2));
    let effects = press(&mut state, KeyCode::Enter);
    assert!(
        matches!(&effects[..], [Effect::Open(Channel::Console(1), Request::Logon(l))] if l.userid == "MAINT" && l.attach && l.terminal.columns == 80 && l.terminal.rows == 21)
    );
    arrives(&mut state, Channel::Console(1), Reply::Accepted { system: "CP64SYS".into(), userid: "MAINT".into() });
    types(&mut state, "q disk");
    let effects = press(&mut state, KeyCode::Enter);
    assert!(
        matches!(&effects[..], [Effect::Send(Channel::Console(1), ClientFrame::Line(l))] if l == "q disk"),
        "and not kept in OPERATOR's history"
    );
    assert!(matches!(control(&mut state, 'c')[..], [Effect::Send(Channel::Console(1), ClientFrame::Attention)]));
    let effects = update(&mut state, Event::Resize(132, 43));
    assert!(matches!(effects[..], [Effect::Send(Channel::Console(1), ClientFrame::Resize { columns: 132, rows: 40 })]));
    assert!(matches!(press(&mut state, KeyCode::Esc)[..], [Effect::Close(Channel::Console(1))]));
    assert_eq!(state.view, View::Main);
}

#[test]
fn late_frames_of_a_console_that_was_left_do_not_reach_the_next() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(2));
    for _ in 0..2 {
        press(&mut state, KeyCode::Enter);
        press(&mut state, KeyCode::Esc);
    }
    press(&mut state, KeyCode::Enter);
    arrives(&mut state, Channel::Console(2), Reply::Refused { code: 1, message: "late".into() });
    update(&mut state, Event::Closed(Channel::Console(1), "late".into()));
    assert!(!screen(&state).contains("late"));
}

#[test]
fn operators_own_row_opens_the_console_that_is_already_there() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Down);
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert_eq!(state.view, View::OperatorConsole);
    assert!(screen(&state).contains("query names"));
    press(&mut state, KeyCode::F(3));
    assert_eq!(state.view, View::Main, "F3 in a console only returns");
    assert!(state.overlay.is_none());
}

#[test]
fn several_pasted_lines_are_entered_in_a_console_and_not_on_the_command_line() {
    let mut state = full(SIZE, 4);
    for end in ["\n", "\r", "\r\n"] {
        let effects = update(&mut state, Event::Paste(["query time", "message maint hello", "", "q names"].join(end) + end));
        assert!(effects.is_empty(), "ENTER is the operator's");
        assert_eq!(state.operator.editor.text(), "query time");
        assert!(screen(&state).contains("2 more pasted lines wait"));
        assert_eq!(sent(&press(&mut state, KeyCode::Enter)), ["query time"]);
        assert_eq!(sent(&press(&mut state, KeyCode::Enter)), ["message maint hello"]);
        assert_eq!(state.operator.editor.text(), "q names");
        press(&mut state, KeyCode::Esc);
        press(&mut state, KeyCode::Enter);
        assert_eq!(state.operator.editor.text(), "");
    }
    update(&mut state, Event::Paste("q time\rq names".into()));
    press(&mut state, KeyCode::Esc);
    types(&mut state, "x");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.operator.editor.text(), "", "Esc drops what waits");
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Enter);
    arrives(&mut state, Channel::Console(1), Reply::State(ConsoleState::Running));
    let effects = update(&mut state, Event::Paste("one\r\ntwo\nthr".into()));
    assert_eq!(sent(&effects), ["one", "two"]);
    assert_eq!(state.session().editor.text(), "thr");
}

#[test]
fn the_filter_narrows_while_it_is_typed_and_esc_shows_all() {
    let mut state = full(SIZE, 40);
    types(&mut state, "/user003");
    assert_eq!((state.focus, state.table.len()), (Focus::Filter, 10));
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.focus, Focus::Machines);
    assert_eq!(state.table.chosen(), Some("USER0030"));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.table.len(), 40);
    types(&mut state, "msg op a/b?");
    assert_eq!(state.operator.editor.text(), "msg op a/b?", "inside a command they are letters");
}

#[test]
fn a_letter_typed_among_the_machines_begins_a_command() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::Tab);
    types(&mut state, "ind");
    assert_eq!((state.focus, state.operator.editor.text()), (Focus::Command, "ind"));
}

#[test]
fn the_order_of_the_table_is_chosen_by_keys() {
    let mut state = full(SIZE, 40);
    press(&mut state, KeyCode::F(4));
    press(&mut state, KeyCode::F(4));
    assert_eq!((state.table.order, state.table.descending), (Order::Cpu, true));
    update(&mut state, Event::Key(KeyEvent::new(KeyCode::F(4), KeyModifiers::SHIFT)));
    assert!(!state.table.descending);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Right);
    press(&mut state, KeyCode::Right);
    assert_eq!(state.table.order, Order::Storage, "TOTCPU has no column at this width");
    press(&mut state, KeyCode::Char(' '));
    assert!(!state.table.descending);
}

#[test]
fn snapshots_are_asked_for_twice_a_second_and_never_twice_at_once() {
    let mut state = full(SIZE, 4);
    let polls = |effects: Vec<Effect>| effects.iter().filter(|e| matches!(e, Effect::Send(Channel::Watch, ClientFrame::Poll(_)))).count();
    assert_eq!(polls(later(&mut state, 499)), 0);
    assert_eq!(polls(later(&mut state, 1)), 1);
    assert_eq!(polls(later(&mut state, 5_000)), 0, "the last one is still owed");
    assert!(screen(&state).contains("no answer from CP for 5 s"));
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(super::system(4))));
    assert!(!screen(&state).contains("no answer"));
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Enter);
    assert_eq!(polls(later(&mut state, 500)), 0, "a covered table is polled less often");
    assert_eq!(polls(later(&mut state, 1_500)), 1);
}

#[test]
fn what_is_not_known_is_asked_for_at_once_and_an_older_answer_is_not_taken_for_it() {
    let mut state = full(SIZE, 40);
    later(&mut state, 500);
    let late = super::seen_through(super::system(40), &state.window());
    let polls = |effects: &[Effect]| {
        let window = |effect: &Effect| match effect {
            Effect::Send(Channel::Watch, ClientFrame::Poll(window)) => Some(window.filter.clone()),
            _ => None,
        };
        effects.iter().filter_map(window).collect::<Vec<_>>()
    };
    let raw = |state: &mut State, event| crate::operator::update::update(state, event);
    let key = |code| Event::Key(KeyEvent::from(code));
    raw(&mut state, key(KeyCode::Char('/')));
    assert!(polls(&raw(&mut state, key(KeyCode::Char('m')))).is_empty(), "an answer is still to come");
    assert!(polls(&raw(&mut state, key(KeyCode::Char('a')))).is_empty());
    let effects = raw(&mut state, Event::Reply(Channel::Watch, Box::new(Reply::Snapshot(Box::new(late)))));
    assert_eq!(polls(&effects), ["ma"]);
    assert_eq!(state.table.len(), 40, "it was asked for before the filter was typed");
    let now = super::seen_through(super::system(40), &state.window());
    let effects = raw(&mut state, Event::Reply(Channel::Watch, Box::new(Reply::Snapshot(Box::new(now)))));
    assert_eq!((polls(&effects).len(), state.table.len()), (0, 1));
    assert_eq!(polls(&raw(&mut state, key(KeyCode::Char('x')))), ["max"], "with nothing to wait for");
}

#[test]
fn a_userid_that_comes_too_late_for_its_tab_changes_nothing() {
    let mut state = full(SIZE, 4);
    types(&mut state, "force mai");
    let raw = |state: &mut State, event| crate::operator::update::update(state, event);
    raw(&mut state, Event::Key(KeyEvent::from(KeyCode::Tab)));
    let answer = super::seen_through(super::system(4), &state.window());
    assert_eq!(answer.names, ["MAINT"]);
    raw(&mut state, Event::Key(KeyEvent::from(KeyCode::Char('n'))));
    raw(&mut state, Event::Reply(Channel::Watch, Box::new(Reply::Snapshot(Box::new(answer)))));
    assert_eq!(state.operator.editor.text(), "force main");
}

#[test]
fn details_stay_with_their_machine_and_lead_to_its_console() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(9));
    assert!(screen(&state).contains("No machine is chosen"));
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::F(9));
    press(&mut state, KeyCode::Char('x'));
    assert!(screen(&state).contains("╭ USER0002 ─"));
    let mut fewer = super::system(4);
    let gone = fewer.machines.remove(2);
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(fewer)));
    assert_eq!(state.table.chosen(), Some("USER0003"));
    assert!(screen(&state).contains("╭ USER0002 ─") && screen(&state).contains("not logged on"), "{}", screen(&state));
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "another machine's console is not opened instead");
    assert!(matches!(&state.overlay, Some(Overlay::Details { userid, .. }) if *userid == gone.userid));
    press(&mut state, KeyCode::Up);
    assert!(screen(&state).contains("╭ OPERATOR ─"));
    press(&mut state, KeyCode::Up);
    let effects = press(&mut state, KeyCode::Enter);
    assert!(matches!(&effects[..], [Effect::Open(Channel::Console(1), Request::Logon(l))] if l.userid == "MAINT"));
    press(&mut state, KeyCode::Esc);
    assert!(state.overlay.is_none() && state.view == View::Main);
}

#[test]
fn a_signal_ends_the_screen_whatever_lies_over_it() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(1));
    assert!(is_end(&update(&mut state, Event::Signal(15)), &Ending::Signal(15)));
}

#[test]
fn undefined_keys_are_named_as_on_vm() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(13));
    assert!(screen(&state).contains("* PF13 UNDEFINED"));
}

fn any_event() -> impl Strategy<Value = Event> {
    use KeyCode::*;
    let codes = vec![
        Enter,
        Tab,
        Esc,
        Up,
        Down,
        Left,
        Right,
        Home,
        End,
        PageUp,
        PageDown,
        Backspace,
        Delete,
        Char('/'),
        Char('?'),
        Char('q'),
        Char('日'),
        Char(' '),
        Char('c'),
    ];
    let codes = prop_oneof![4 => proptest::sample::select(codes), 2 => (1u8..13).prop_map(F)];
    let modifiers = proptest::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    let states = proptest::sample::select(vec![ConsoleState::Running, ConsoleState::VmRead { hidden: true }, ConsoleState::CpRead]);
    let channel = || prop_oneof![Just(Channel::Watch), Just(Channel::Order), (0u32..4).prop_map(Channel::Console)];
    prop_oneof![
        12 => (codes, modifiers).prop_map(|(code, modifiers)| Event::Key(KeyEvent::new(code, modifiers))),
        2 => (0usize..30).prop_map(|n| Event::Reply(Channel::Watch, Box::new(Reply::Snapshot(Box::new(super::system(n)))))),
        2 => (channel(), states).prop_map(|(channel, state)| Event::Reply(channel, Box::new(Reply::State(state)))),
        2 => (0u32..4, "\\PC{0,90}").prop_map(|(n, text)| {
            Event::Reply(Channel::Console(n), Box::new(Reply::Output(wire::Line { kind: wire::LineKind::Prompt, text })))
        }),
        1 => channel().prop_map(|channel| Event::Reply(channel, Box::new(Reply::Ended(wire::Ending::LoggedOff)))),
        1 => channel().prop_map(|channel| Event::Closed(channel, "gone".into())),
        1 => any::<String>().prop_map(Event::Paste),
        1 => (0u16..140, 0u16..50).prop_map(|(columns, rows)| Event::Resize(columns, rows)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_order_of_events_upsets_the_screen(events in proptest::collection::vec(any_event(), 0..60)) {
        let mut state = full(SIZE, 20);
        for event in events {
            update(&mut state, event);
            screen(&state);
        }
    }
}

/// More commands of CP.
fn more_words() -> [Word; 3] {
    [("LOGOFF", 3), ("PURGE", 3), ("FOR", 3)].map(|(name, minimum)| Word { name: name.to_owned(), minimum })
}

#[test]
fn what_cannot_be_taken_back_is_asked_by_key_and_by_command() {
    for line in [
        "force maint",
        "shutdown",
        "cp force maint disconnect",
        "#cp shutdown",
        "logoff",
        "query time#force maint",
        "#cp query time#cp purge all#force maint",
        "for maint cmd purge rdr all",
    ] {
        let mut state = full(SIZE, 4);
        state.words.extend(more_words());
        types(&mut state, line);
        assert!(sent(&press(&mut state, KeyCode::Enter)).is_empty(), "{line}");
        assert!(screen(&state).contains("This cannot be taken back") && screen(&state).contains(line), "{}", screen(&state));
        assert!(press(&mut state, KeyCode::Enter).is_empty(), "ENTER is not yes");
        assert!(state.overlay.is_none() && screen(&state).contains("Not done"));
        types(&mut state, line);
        press(&mut state, KeyCode::Enter);
        assert_eq!(sent(&press(&mut state, KeyCode::Char('y'))), [line]);
    }
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(11));
    assert!(press(&mut state, KeyCode::Char('f')).is_empty());
    assert!(matches!(&state.overlay, Some(Overlay::Confirm { line }) if line == "FORCE MAINT"));
    assert_eq!(sent(&press(&mut state, KeyCode::Char('Y'))), ["FORCE MAINT"]);
}

#[test]
fn what_can_be_taken_back_is_not_asked_about() {
    for line in ["query time#query names", "message maint force is a word", "for maint cmd query files", "* force maint"] {
        let mut state = full(SIZE, 4);
        state.words.extend(more_words());
        types(&mut state, line);
        assert_eq!(sent(&press(&mut state, KeyCode::Enter)), [line]);
    }
}

#[test]
fn the_pane_of_spool_files_is_paged_through() {
    let mut state = full(SIZE, 4);
    state.pane = Pane::Files;
    let mut picture = system(4);
    let files = (0..100).map(|number| FileView { owner: format!("OWN{number}"), ..FileView::default() }).collect();
    picture.spool = wire::SpoolView { reader: 97, printer: 3, punch: 0, bytes: 0, files };
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(picture)));
    assert!(screen(&state).contains("OWN0 ") && !screen(&state).contains("OWN30 "));
    let before = state.window().files;
    press(&mut state, KeyCode::PageDown);
    assert!(!screen(&state).contains("OWN0 ") && state.window().files > before, "{}", screen(&state));
    press(&mut state, KeyCode::Up);
    (0..40).for_each(|_| drop(press(&mut state, KeyCode::F(8))));
    assert!(screen(&state).contains("OWN99 ") && screen(&state).contains("of 100 files"), "{}", screen(&state));
    (0..40).for_each(|_| drop(press(&mut state, KeyCode::F(7))));
    assert!(screen(&state).contains("OWN0 "));
    // With something on the command line the arrows are its history.
    types(&mut state, "q");
    press(&mut state, KeyCode::Down);
    assert!(screen(&state).contains("OWN0 "));
}

#[test]
fn actions_are_commands_of_the_chosen_machine() {
    let mut state = full(SIZE, 4);
    press(&mut state, KeyCode::F(11));
    assert!(state.overlay.is_none(), "nobody is chosen");
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(11));
    press(&mut state, KeyCode::Char('m'));
    assert_eq!((state.operator.editor.text(), state.focus), ("MESSAGE MAINT ", Focus::Command));
    state.operator.editor.clear();
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(9));
    press(&mut state, KeyCode::F(11));
    (0..8).for_each(|_| drop(press(&mut state, KeyCode::Up)));
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(sent(&effects), ["SET OBSERVER MAINT *"]);
    press(&mut state, KeyCode::F(11));
    assert!(matches!(press(&mut state, KeyCode::Char('c'))[..], [Effect::Open(Channel::Console(1), _)]));
}

#[test]
fn what_needs_an_answer_stays_until_it_is_answered_or_released() {
    let mut state = full(SIZE, 4);
    assert_eq!(state.held.len(), 2, "a message and a warning came");
    (0..50).for_each(|n| drop(arrives(&mut state, OPERATOR, said(&format!("line {n}")))));
    let shown = screen(&state);
    assert!(shown.contains("! 14:00:02  * MSG FROM MAINT") && shown.contains("2 to answer: F10"), "{shown}");
    types(&mut state, "message maint coming");
    press(&mut state, KeyCode::Enter);
    assert!(!screen(&state).contains("MSG FROM MAINT"));
    press(&mut state, KeyCode::F(10));
    assert_eq!(state.held.len(), 0);
    press(&mut state, KeyCode::F(10));
    assert!(screen(&state).contains("Nothing waits"));
}

fn said(text: &str) -> Reply {
    Reply::Output(wire::Line { text: text.into(), kind: wire::LineKind::Cp })
}

/// Whose console is opened by these effects.
fn opened(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Open(_, Request::Logon(logon)) => Some(logon.userid.clone()),
        _ => None,
    })
}

#[test]
fn a_class_is_gone_through_by_key_and_by_itself() {
    let mut state = full(SIZE, 40);
    types(&mut state, "/user001*");
    press(&mut state, KeyCode::Enter);
    assert_eq!(opened(&press(&mut state, KeyCode::Enter)).as_deref(), Some("USER0010"));
    let effects = press(&mut state, KeyCode::F(11));
    assert!(matches!(effects[0], Effect::Close(Channel::Console(1))));
    assert_eq!(opened(&effects).as_deref(), Some("USER0011"));
    assert_eq!(opened(&press(&mut state, KeyCode::F(10))).as_deref(), Some("USER0010"));
    assert_eq!(opened(&press(&mut state, KeyCode::F(10))).as_deref(), Some("USER0019"), "before the first is the last");
    assert!(screen(&state).contains("10 of 10 match \"user001*\""), "{}", screen(&state));
    press(&mut state, KeyCode::F(5));
    assert!(screen(&state).contains("next in "));
    assert_eq!(opened(&later(&mut state, 3_000)), None);
    assert_eq!(opened(&later(&mut state, 3_100)).as_deref(), Some("USER0010"), "behind the last is the first");
    types(&mut state, "q");
    assert_eq!(opened(&later(&mut state, 60_000)), None, "a line is being typed");
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::F(5));
    assert_eq!(opened(&later(&mut state, 60_000)), None, "it was stopped");
    press(&mut state, KeyCode::Esc);
    assert!(state.view == View::Main && state.tour.is_none());
}

#[test]
fn a_tour_from_the_command_line_begins_with_the_first_machine() {
    let mut state = empty(SIZE);
    crate::operator::update::begin_tour(&mut state, "USER000*");
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(super::system(40))));
    assert_eq!(opened(&later(&mut state, 250)).as_deref(), Some("USER0002"));
    let mut nobody = empty(SIZE);
    crate::operator::update::begin_tour(&mut nobody, "NOBODY*");
    arrives(&mut nobody, Channel::Watch, Reply::Snapshot(Box::new(super::system(40))));
    later(&mut nobody, 250);
    assert!(screen(&nobody).contains("No machine matches"), "{}", screen(&nobody));
    press(&mut nobody, KeyCode::Esc);
    assert!(nobody.view == View::Main);
}

#[test]
fn question_mark_begins_with_the_pane_in_use() {
    let mut state = full(SIZE, 4);
    let first = |state: &State| screen(state).lines().nth(2).unwrap_or_default().to_owned();
    for (pane, heading) in [(1, "Processors"), (2, "Spool"), (3, "Files")] {
        (0..pane).for_each(|_| drop(press(&mut state, KeyCode::F(6))));
        press(&mut state, KeyCode::Char('?'));
        assert!(first(&state).contains(heading), "{}", screen(&state));
        press(&mut state, KeyCode::Esc);
        (pane..4).for_each(|_| drop(press(&mut state, KeyCode::F(6))));
    }
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Char('?'));
    assert!(first(&state).contains("Machines"), "{}", screen(&state));
}
