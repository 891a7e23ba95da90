//! REXX EXECs in a machine: as a user meets them, ended by HX and HI, and too big for the machine.

use tests::{System, Terminal, assert_line, assert_no_line};

/// A user with these EXECs on the A-disk, each behind a comment.
fn system_with(execs: &[(&str, &str)]) -> System {
    let system = System::start();
    for (name, text) in execs {
        system.disk_put("CMSUSER", name, "EXEC", format!("/* {name} */\n{text}").as_bytes()).succeeded();
    }
    system
}

#[test]
fn an_exec_uses_commands_files_variables_and_return_codes() {
    let system = system_with(&[
        ("PROFILE", "'SET IMPCP ON'\nsay 'Good day,' userid()\n"),
        (
            "WORK",
            "parse arg first rest\n\
             say 'arguments' first'/'rest\n\
             address command 'STATE PROFILE EXEC A'; say 'state' rc\n\
             address command 'NOSUCH THING'; say 'no such command' rc\n\
             'EXECIO * CP (STEM answer. STRING QUERY USERID'; say answer.1\n\
             do i = 1 to 1000; line.i = i 'squared is' i * i; end; line.0 = 1000\n\
             'EXECIO * DISKW SQUARES DATA A (FINIS STEM line.'; say 'written' rc\n\
             'EXECIO 1 DISKR SQUARES DATA A 999 (FINIS VAR last'; say last\n\
             numeric digits 40; say 2 ** 100\n\
             say twice(21)\n\
             parse value diag(8, 'QUERY USERID') with name .; say name\n\
             exit 4\n",
        ),
        ("TWICE", "return arg(1) * 2\n"),
        ("BROKEN", "call deeper\nexit\ndeeper: x = 1 / 0\n"),
    ]);
    let mut terminal = system.log_on("CMSUSER");
    assert_line(&terminal.shown(), "^Good day, CMSUSER$");
    let shown = terminal.command("work One two");
    for line in [
        "^arguments One/two$",
        "^state 0$",
        "^no such command -3$",
        "^CMSUSER +AT CP64$",
        "^written 0$",
        "^999 squared is 998001$",
        "^1267650600228229401496703205376$",
        "^42$",
        "^CMSUSER$",
        r"^Ready\(00004\);",
    ] {
        assert_line(&shown, line);
    }
    let shown = terminal.command("broken");
    assert_line(&shown, r"^     4 \+\+\+ deeper: x = 1 / 0$|^     4 \+\+\+ x = 1 / 0$");
    assert_line(&shown, r"^     2 \+\+\+ call deeper$");
    assert_line(&shown, "^DMSREX477E Error 42 running BROKEN EXEC, line 4: Arithmetic overflow/underflow$");
    assert_line(&shown, r"^Ready\(20042\);");
    assert_line(&terminal.command("listfile squares data a (date"), "^SQUARES +DATA +A1");
}

#[test]
fn hx_hi_and_te_reach_a_program_that_loops() {
    let system = system_with(&[
        ("LOOP", "say 'going round'; do forever; n = 1; end\n"),
        ("TALK", "do i = 1; say 'line' i; end\n"),
        ("TRAP", "signal on halt\nsay 'looping'; do forever; nop; end\nhalt: say 'halted by' condition('C'); exit 3\n"),
    ]);
    let mut terminal = system.log_on("CMSUSER");
    let shown = stopped(&mut terminal, "loop", "^going round$", "hx");
    assert_line(&shown, "^DMSABE222I LOOP halted by HX$");
    assert_line(&shown, r"^Ready\(00222\);");
    // A program in the middle of its output: the line is whole, and the prompt comes back.
    let shown = stopped(&mut terminal, "talk", "^line 5$", "hx");
    assert_line(&shown, "^DMSABE222I TALK halted by HX$");
    assert!(
        shown.lines().filter(|line| line.contains("line ")).all(|line| line.trim_start_matches("line ").parse::<u64>().is_ok()),
        "{shown}"
    );
    let shown = stopped(&mut terminal, "trap", "^looping$", "hi");
    assert_line(&shown, "^halted by HALT$");
    assert_line(&shown, r"^Ready\(00003\);");
    let shown = stopped(&mut terminal, "loop", "^going round$", "hi");
    assert_line(&shown, "^DMSREX452E Error 4 running LOOP EXEC, line 2: Program interrupted$");
    assert_line(&terminal.command("query impcp"), "^IMPCP    = ON$");
}

#[test]
fn hx_ends_a_program_within_one_long_operation_and_while_it_waits() {
    let long = "x = copies('ab cd ', 500000)\n";
    let system = system_with(&[
        ("CHANGE", &format!("{long}say 'begun'; do forever; y = changestr('b c', x, 'bbb ccc'); end\n")),
        ("COUNT", &format!("{long}say 'begun'; do forever; n = words(x) + countstr('d a', x) + pos('zz', x); end\n")),
        ("POWER", "numeric digits 100000; say 'begun'; x = 3 ** 99999999; say 'never'\n"),
        ("AGAIN", "say 'begun'; interpret 'do forever; interpret \"x = 1\"; end'\n"),
        ("READS", "say 'begun'; 'EXECIO * DISKW TYPED DATA A (FINIS'; say 'got' rc\n"),
        ("TRACED", "say 'begun'; trace ?a; x = 1; x = 2; exit 3\n"),
    ]);
    let mut terminal = system.log_on("CMSUSER");
    let running =
        [("change", "CHANGE"), ("count", "COUNT"), ("power", "POWER"), ("again", "AGAIN"), ("reads", "EXECIO"), ("traced", "TRACED")];
    for (exec, name) in running {
        let shown = stopped(&mut terminal, exec, "^begun$", "hx");
        assert_line(&shown, &format!("^DMSABE222I {name} halted by HX$"));
        assert_no_line(&shown, "never|got|DMSITP");
        assert_line(&shown, r"^Ready\(00222\);");
    }
    // Nothing of what was to be written is there, and the program stack is as before.
    assert_line(&terminal.command("listfile typed data a"), r"^Ready\(00028\);");
    assert_line(&terminal.command("sentries"), "^Ready;");
}

/// Types a command, waits for a line of it, and types an immediate command; answers what is shown up to Ready.
fn stopped(terminal: &mut Terminal, command: &str, until: &str, immediate: &str) -> String {
    terminal.type_line(command);
    terminal.until(until);
    terminal.type_line(immediate);
    terminal.ready()
}

#[test]
fn what_asks_for_too_much_is_an_error_and_cms_goes_on() {
    let system = system_with(&[
        ("BIG", "say copies('x', 1e9)\n"),
        ("DEEP", "call deep\ndeep: procedure; call deep\n"),
        ("FILL", "do i = 1; x.i = copies('much', 1000); end\n"),
        ("SMALL", "do i = 1; x.i = i; end\n"),
        // What is left in the stack would be carried out, line by line.
        ("STACK", "signal on syntax; do forever; queue copies('y', 500); end\nsyntax: code = rc; 'DESBUF'; exit 20000 + code\n"),
        ("DOUBLE", "x = 'x'; do forever; x = x || x; end\n"),
        ("AGAIN", "'EXEC AGAIN'; exit rc\n"),
        ("WRITE", "'EXECIO 4000000000 DISKW OUT DATA A (STEM x.'; exit rc\n"),
    ]);
    let mut terminal = system.log_on("CMSUSER");
    for (exec, code) in [
        ("big", 20005),
        ("deep", 20011),
        ("fill", 20005),
        ("small", 20005),
        ("double", 20005),
        ("again", 32),
        ("stack", 20005),
        ("write", 104),
    ] {
        let shown = terminal.command(exec);
        assert_line(&shown, &format!(r"^Ready\({code:05}\);"));
        assert_no_line(&shown, "DMSITP|DMSABE|DMSFRE");
    }
    assert_line(&terminal.command("query impcp"), "^IMPCP    = ON$");
}
