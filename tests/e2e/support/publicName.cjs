/**
 * Makes a process take a public name for this machine, as the operators' DNS would: for launchers that look at a stack whose name nobody
 * knows. In PUBLIC_NAME stands NAME:PORT; connections by TLS to the name go to that port of loopback.
 */
const tls = require("node:tls");

const [name, port] = (process.env.PUBLIC_NAME ?? "").split(":");
const { connect } = tls;
tls.connect = (options, ...more) =>
  typeof options === "object" && options.host === name
    ? connect({ ...options, host: "127.0.0.1", port: Number(port), servername: name }, ...more)
    : connect(options, ...more);
