//! A console in a real browser: Chromium without a window, driven by its DevTools protocol, against the real program.
//!
//! `CP64_SCREENSHOTS=DIR cargo test -p tests --test browser` keeps what the browser showed, for somebody to look at.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{PATIENCE, System, Terminal, wait_for};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client::connect_with_config};

/// A browser with one page.
struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    page: String,
    calls: u64,
    /// What the page complained of: errors of scripts, what its policy refused, what was not found.
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        // Without the sandbox, which root and containers have not; the only page that it opens is ours.
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
        ]);
        command.args(["--window-size=1000,700", "--hide-scrollbars"]).arg(format!("--user-data-dir={}", profile.path().display()));
        let child = command.arg("about:blank").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("this test drives Chromium; type: sudo apt-get install -y chromium");
        let said = BufReader::new(child.stderr.take().unwrap());
        let (sender, addresses) = channel();
        // It goes on complaining; a full pipe would hold it up.
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if let Some(address) = line.trim().strip_prefix("DevTools listening on ") {
                    let _ = sender.send(address.to_string());
                }
            }
        });
        let address = addresses.recv_timeout(PATIENCE).expect("Chromium says where it listens");
        let mut config = WebSocketConfig::default();
        (config.max_message_size, config.max_frame_size) = (None, None);
        let (socket, _) = connect_with_config(address, Some(config), 0).unwrap();
        let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("it is plain") };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut browser = Self { child, socket, page: String::new(), calls: 0, complaints: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        browser.page = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }))["sessionId"]
            .as_str()
            .unwrap()
            .to_string();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Asks the browser something and waits for its answer; keeps what is complained of meanwhile.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut request = json!({ "id": self.calls, "method": method, "params": parameters });
        if !self.page.is_empty() {
            request["sessionId"] = self.page.clone().into();
        }
        self.socket.send(Message::Text(request.to_string().into())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let said: Value = serde_json::from_str(&text).unwrap();
            match said["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Log.entryAdded") => self.complaints.push(said["params"].to_string()),
                _ if said["id"] == self.calls => {
                    assert!(said["error"].is_null(), "{method}: {said}");
                    return said["result"].clone();
                }
                _ => {}
            }
        }
    }

    /// The value of a JavaScript expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }))["result"]["value"].clone()
    }

    /// Waits until the page shows that: what a person reads, in the terminal or outside.
    fn see(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.value("document.body ? document.body.innerText : ''").as_str().unwrap_or_default().replace('\u{a0}', " ");
            if shown.contains(text) {
                return shown;
            }
            assert!(Instant::now() < deadline, "no {text:?} in {shown}\n{:#?}", self.complaints);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// Waits until the form has the cursor in the field of that name.
    fn cursor_in(&mut self, name: &str) {
        wait_for(name, || (self.value("document.activeElement && document.activeElement.name") == name).then_some(()));
    }

    /// Types where the cursor is.
    fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    fn press(&mut self, key: &str, code: u32, text: &str) {
        for event in ["keyDown", "keyUp"] {
            let text = if event == "keyDown" { text } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                json!({ "type": event, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text }),
            );
        }
    }

    fn enter(&mut self) {
        self.press("Enter", 13, "\r");
    }

    /// A picture of the page, kept when somebody wants to look at it.
    fn picture(&mut self, name: &str) -> String {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }))["data"].as_str().unwrap().to_string();
        if let Some(folder) = std::env::var_os("CP64_SCREENSHOTS").map(PathBuf::from) {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), decoded(&picture)).unwrap();
        }
        picture
    }
}

/// Base 64 as bytes.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        (bits, count) = (bits << 6 | digit as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_person_works_in_a_browser() {
    let system = System::start_with(&["--web", "127.0.0.1:0"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("Browsers are served at ");
    let url = line.split("served at ").nth(1).unwrap().trim().to_string();
    system.cp64(&["user", "password", "CMSUSER"], b"sesame\n").succeeded();
    let text: String = (1..=300).map(|number| format!("This is line {number} of [many]\n")).collect();
    system.disk_put("CMSUSER", "LONG", "TEXT", text.as_bytes()).succeeded();
    let mut browser = Browser::start();
    browser.go(&url);
    browser.see("USERID");
    let empty = browser.picture("logon");
    // The cursor is where one begins to type.
    browser.cursor_in("userid");
    browser.type_text("cmsuser");
    browser.press("Tab", 9, "");
    browser.cursor_in("password");
    browser.type_text("wrong");
    browser.enter();
    browser.see("HCPLGA050E LOGON unsuccessful--incorrect userid and/or password");
    browser.cursor_in("userid");
    browser.type_text("cmsuser");
    browser.press("Tab", 9, "");
    browser.cursor_in("password");
    browser.type_text("sesame");
    browser.enter();
    browser.see("Ready;");
    assert_eq!(browser.value("document.title"), "CMSUSER at CP64");
    browser.type_text("query userid");
    browser.enter();
    browser.see("CMSUSER  AT CP64");
    let lines = browser.picture("console");
    assert!(lines != empty && decoded(&lines).starts_with(b"\x89PNG"), "a picture of something");
    // No script gets the cookie, and no other site.
    assert_eq!(browser.value("document.cookie"), "");
    let cookies = browser.call("Network.getCookies", json!({}))["cookies"].clone();
    assert_eq!((&cookies[0]["httpOnly"], &cookies[0]["sameSite"]), (&json!(true), &json!("Strict")), "{cookies}");
    // Everything came from here.
    let foreign = browser.value("performance.getEntriesByType('resource').filter(one => !one.name.startsWith(location.origin)).length");
    assert_eq!(foreign, 0);
    // A program with the whole screen, and the lines again behind it.
    browser.type_text("browse long text");
    browser.enter();
    browser.see("Line 1 of 300");
    browser.picture("full-screen");
    browser.press("F8", 119, "");
    browser.see("This is line 45 of [many]");
    browser.press("F3", 114, "");
    browser.see("VM>");
    // A page of another size is a terminal of another size.
    let columns = "document.querySelector('.xterm-rows').firstElementChild.getBoundingClientRect().width";
    let before = browser.value(columns).as_f64().unwrap();
    browser.call("Emulation.setDeviceMetricsOverride", json!({ "width": 1400, "height": 800, "deviceScaleFactor": 1, "mobile": false }));
    let deadline = Instant::now() + PATIENCE;
    while browser.value(columns).as_f64().unwrap() <= before {
        assert!(Instant::now() < deadline, "the terminal keeps its size");
        std::thread::sleep(Duration::from_millis(50));
    }
    // What a guest writes is text: it neither drives the page nor is it one.
    browser.type_text("#cp msg * <img src=x onerror=document.title=1>");
    browser.enter();
    browser.see("MSG FROM CMSUSER");
    browser.see("<img src=x onerror=document.title=1>");
    assert_eq!(browser.value("document.title"), "CMSUSER at CP64");
    browser.picture("wide");
    browser.value("document.querySelector('header form button').click()");
    browser.see("USERID");
    assert_eq!(browser.complaints.iter().filter(|one| !one.contains("401")).count(), 0, "{:#?}", browser.complaints);
}
