"use strict";
(() => {
  const terminal = new Terminal({ cursorBlink: true, scrollback: 10000, fontSize: 15, fontFamily: "ui-monospace, Menlo, Consolas, monospace", theme: { background: "#101418", red: "#ff8a80", green: "#7fe08a", yellow: "#ffd479", blue: "#82b1ff", magenta: "#e0a0f0", cyan: "#5ac8e0" } });
  const fit = new FitAddon.FitAddon();
  const state = document.getElementById("state");
  const again = document.getElementById("again");
  const bytes = new TextEncoder();
  const PIECE = 16384;
  let socket = null;

  const open = () => socket !== null && socket.readyState === WebSocket.OPEN;
  const tellSize = () => { if (open()) socket.send(`${terminal.cols}x${terminal.rows}`); };
  const type = (data) => {
    if (!open()) return;
    for (let at = 0; at < data.length; at += PIECE) socket.send(data.subarray(at, at + PIECE));
  };

  const connect = () => {
    again.hidden = true;
    state.textContent = "connecting";
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/console`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { state.textContent = ""; tellSize(); terminal.focus(); };
    socket.onmessage = (message) => { if (message.data instanceof ArrayBuffer) terminal.write(new Uint8Array(message.data)); };
    socket.onclose = (event) => {
      state.textContent = event.reason || "The connection was lost";
      again.hidden = false;
      again.focus();
    };
  };

  terminal.loadAddon(fit);
  terminal.open(document.getElementById("terminal"));
  fit.fit();
  terminal.onData((text) => type(bytes.encode(text)));
  terminal.onBinary((text) => type(Uint8Array.from(text, (c) => c.charCodeAt(0) & 255)));
  terminal.onResize(tellSize);
  addEventListener("resize", () => fit.fit());
  again.onclick = () => { if (!open()) location.reload(); };
  connect();
})();
