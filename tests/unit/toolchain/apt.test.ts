import assert from "node:assert/strict";
import { archives, debianMirrors, networkSettings, parseDeb822, parseOneLine } from "../../../toolchain/apt";
import { certificatesIn, extraCertificates } from "../../../toolchain/certificates";
import { sourcesFor } from "../../../toolchain/tools/base";
import { scratch } from "./fakes";

describe("apt sources", () => {
  it("are read from one-line lists", () => {
    const text = [
      "# deb http://off.example/debian trixie main",
      "deb http://mirror.example/debian trixie main contrib",
      "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian-security trixie-security main # tail",
      "deb-src http://mirror.example/debian trixie main",
    ].join("\n");
    assert.deepEqual(parseOneLine(text), [
      { uri: "http://mirror.example/debian", suites: ["trixie"] },
      { uri: "https://mirror.example/debian-security", suites: ["trixie-security"] },
    ]);
  });

  it("are read from deb822 paragraphs, with comments, continued lines and what is switched off", () => {
    const text = [
      "Types: deb deb-src",
      "# a comment in the middle",
      "URIs: http://a.example/debian",
      "  http://b.example/debian",
      "Suites: trixie trixie-updates",
      "Components: main",
      "",
      "Types: deb",
      "URIs: http://off.example/debian",
      "Suites: trixie",
      "Enabled: no",
      "",
      "Types: deb-src",
      "URIs: http://src.example/debian",
      "Suites: trixie",
    ].join("\n");
    assert.deepEqual(parseDeb822(text), [
      { uri: "http://a.example/debian", suites: ["trixie", "trixie-updates"] },
      { uri: "http://b.example/debian", suites: ["trixie", "trixie-updates"] },
    ]);
  });

  it("tell the machine's own Debian mirrors, and none on a machine that is not Debian", async () => {
    const { host, remove } = await scratch();
    try {
      await host.file(
        "etc/apt/sources.list.d/debian.sources",
        "Types: deb\nURIs: http://m.example/debian/\nSuites: bookworm\n",
      );
      await host.file(
        "etc/apt/sources.list.d/other.list",
        "deb https://download.docker.com/linux/debian bookworm stable\n",
      );
      await host.file("etc/apt/sources.list.d/notes.txt", "deb http://never.example/debian bookworm main\n");
      await host.file(
        "etc/apt/sources.list",
        "deb http://m.example/debian-security bookworm-security main\n",
      );
      assert.deepEqual(debianMirrors(await archives(host.root)), {
        main: "http://m.example/debian",
        security: "http://m.example/debian-security",
      });
    } finally {
      await remove();
    }
    assert.deepEqual(debianMirrors([{ uri: "http://archive.ubuntu.com/ubuntu", suites: ["noble"] }]), {});
    assert.deepEqual(
      debianMirrors([{ uri: "https://download.docker.com/linux/debian", suites: ["trixie"] }]),
      {},
    );
  });

  it("of the base image name the release's suites on those mirrors", () => {
    assert.equal(
      sourcesFor("http://m.example/debian", "http://m.example/debian-security"),
      [
        "Types: deb",
        "URIs: http://m.example/debian",
        "Suites: trixie trixie-updates",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "",
        "Types: deb",
        "URIs: http://m.example/debian-security",
        "Suites: trixie-security",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "",
      ].join("\n"),
    );
  });

  it("come with the proxy and the date checks that they need, but never with a password or a loopback proxy", async () => {
    const { host, remove } = await scratch();
    try {
      host.on(
        "apt-config dump",
        [
          'APT::Architecture "amd64";',
          'Acquire::http::Proxy "http://proxy.example:3128";',
          'Acquire::http::Proxy::m.example "DIRECT";',
          'Acquire::https::Proxy "http://me:secret@proxy.example:3128";',
          'Acquire::ftp::Proxy "http://127.0.0.1:3128";',
          'Acquire::Check-Valid-Until "false";',
          'Acquire::https::Verify-Peer "false";',
        ].join("\n"),
      );
      assert.deepEqual(await networkSettings(host), [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::http::Proxy::m.example "DIRECT";',
        'Acquire::Check-Valid-Until "false";',
      ]);
    } finally {
      await remove();
    }
  });
});

describe("certificates", () => {
  const pem = (body: string, width = 64) =>
    `-----BEGIN CERTIFICATE-----\n${(body.match(new RegExp(`.{1,${width}}`, "g")) ?? []).join("\n")}\n-----END CERTIFICATE-----\n`;
  const [shipped, company] = ["A".repeat(100), "B".repeat(100)];

  it("are the same however their lines are broken", () => {
    assert.deepEqual(certificatesIn(pem(shipped, 10)), certificatesIn(`comment\n${pem(shipped, 76)}`));
  });

  it("beyond those of the distribution are found, under names that follow from their content", async () => {
    const { host, remove } = await scratch();
    try {
      await host.file("usr/share/ca-certificates/mozilla/a.crt", pem(shipped, 76));
      await host.file("etc/ssl/certs/ca-certificates.crt", pem(company) + pem(shipped) + pem(company, 20));
      const extra = await extraCertificates(host.root);
      assert.deepEqual(
        extra.map(({ pem: text }) => text),
        [pem(company)],
      );
      assert.match(extra[0]?.name ?? "", /^host-[0-9a-f]{16}\.crt$/);
    } finally {
      await remove();
    }
  });

  it("are not guessed where the distribution's own cannot be told apart", async () => {
    const { host, remove } = await scratch();
    try {
      assert.deepEqual(await extraCertificates(host.root), []);
      await host.file("etc/ssl/certs/ca-certificates.crt", pem(company));
      assert.deepEqual(await extraCertificates(host.root), []);
    } finally {
      await remove();
    }
  });
});
