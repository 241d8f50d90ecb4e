"""Hands the mail of the AWS emulator, which it only lists, to the mailbox, so that a person sees the pages of a local stack.

A message is taken off the emulator's list once the mailbox has it. Where that was cut short, the mailbox itself is asked by
Message-ID before anything is sent again: nothing has to be remembered here, so that a restart loses nothing and doubles nothing.
"""

import email
import email.policy
import email.utils
import json
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_SECONDS = 5
# A list that is longer than this is not read: the container's memory is limited, and the emulator keeps it.
MOST_BYTES = 48 * 1024 * 1024
# A name that nobody can look up marks the mail as this relay's own.
DOMAIN = "emulator.invalid"
# As the titles of AWS's own mail have them; any other region goes by its code.
REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "eu-west-1": "EU (Ireland)",
    "eu-central-1": "EU (Frankfurt)",
}


class Away(Exception):
    """One side cannot be talked to; it says which, and why."""


def call(who, url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Away(f"{who} answers {error.code}") from error
    except OSError as error:
        raise Away(f"{who} does not answer: {getattr(error, 'reason', error)}") from error
    if len(text) > MOST_BYTES:
        raise Away(f"{who} has more than {MOST_BYTES} bytes to tell")
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise Away(f"{who} answers with something that is not JSON") from error


def subject_and_text(message):
    text = (message.get("Body") or {}).get("text_part") or ""
    try:
        alarm = json.loads(text)
    except ValueError:
        alarm = None
    if isinstance(alarm, dict) and {"AlarmName", "NewStateValue"} <= alarm.keys():
        return alarm_mail(alarm, text)
    return message.get("Subject") or "AWS Notification Message", text


def parts_of_raw(raw):
    """A message that was handed over as it goes over the wire, in the mailbox's terms."""
    parsed = email.message_from_string(raw, policy=email.policy.default)

    def addresses(header):
        found = email.utils.getaddresses([str(value) for value in parsed.get_all(header, [])])
        return [{"Name": name, "Email": address} for name, address in found if address]

    def body(kind):
        part = parsed.get_body(preferencelist=(kind,))
        return "" if part is None else part.get_content()

    return {
        "From": next(iter(addresses("From")), None),
        "To": addresses("To"),
        "Cc": addresses("Cc"),
        "Subject": str(parsed.get("Subject") or ""),
        "Text": body("plain"),
        "HTML": body("html"),
    }


def alarm_mail(alarm, raw):
    """As Amazon SNS words the mail of an alarm, with the message itself below."""
    name, state = alarm["AlarmName"], alarm["NewStateValue"]
    reason, at = alarm.get("NewStateReason", ""), alarm.get("StateChangeTime", "")
    arn = str(alarm.get("AlarmArn", "")).split(":")
    code = arn[3] if len(arn) > 3 else str(alarm.get("Region", ""))
    region = REGIONS.get(code, code)
    trigger = alarm.get("Trigger") or {}
    dimensions = ", ".join(f"{one.get('name')} = {one.get('value')}" for one in trigger.get("Dimensions") or [])
    lines = [
        f'You are receiving this email because your Amazon CloudWatch Alarm "{name}" in the {region} region has entered '
        f'the {state} state, because "{reason}" at "{at}".',
        "",
        "Alarm Details:",
        f"- Name:                       {name}",
        f"- Description:                {alarm.get('AlarmDescription') or ''}",
        f"- State Change:               {alarm.get('OldStateValue', '')} -> {state}",
        f"- Reason for State Change:    {reason}",
        f"- Timestamp:                  {at}",
        "",
        "Monitored Metric:",
        f"- MetricName:                 {trigger.get('MetricName', '')}",
        f"- MetricNamespace:            {trigger.get('Namespace', '')}",
        f"- Dimensions:                 {dimensions}",
        f"- Period:                     {trigger.get('Period', '')} seconds, {trigger.get('EvaluationPeriods', '')} times",
        f"- Threshold:                  {trigger.get('ComparisonOperator', '')} {trigger.get('Threshold', '')}",
        "",
        "--",
        "",
        raw,
    ]
    return f'{state}: "{name}" in {region}', "\n".join(lines)


class Relay:
    def __init__(self, emulator, mailbox):
        self.emulator = emulator
        self.mailbox = mailbox
        # Of a message that was on its way when something ended, nobody knows whether it arrived.
        self.unsure = True

    def round(self):
        # Without a mailbox the list is left where it is.
        call("the mailbox", f"{self.mailbox}/api/v1/messages?limit=1")
        for message in self.listed():
            address = f"{message['Id']}@{DOMAIN}"
            if not (self.unsure and self.has(address)):
                self.unsure = True
                self.deliver(message, address)
            self.take_off(message["Id"])
            self.unsure = False
        self.unsure = False

    def listed(self):
        try:
            answer = call("the emulator", f"{self.emulator}/_aws/ses")
        except Away as error:
            # It has no such page before its first mail.
            if isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code == 404:
                return []
            raise
        return answer.get("messages", []) if isinstance(answer, dict) else []

    def has(self, address):
        query = urllib.parse.quote(f"message-id:{address}")
        found = call("the mailbox", f"{self.mailbox}/api/v1/search?query={query}&limit=5")
        return any(one.get("MessageID") == address for one in found.get("messages", []))

    def deliver(self, message, address):
        try:
            mail = self.mail_of(message)
        except (LookupError, ValueError) as error:
            # Nobody can read it, now or later.
            print(f"relay: a message from {message.get('Source')} is no mail and is dropped: {error}", flush=True)
            return
        mail["Headers"] = {"Message-ID": f"<{address}>"}
        try:
            call("the mailbox", f"{self.mailbox}/api/v1/send", "POST", mail)
        except Away as error:
            cause = error.__cause__
            if not (isinstance(cause, urllib.error.HTTPError) and cause.code == 400):
                raise
            # It would be refused for ever, and hold up what comes behind it.
            print(f"relay: a message to {mail['To']} was refused by the mailbox and is dropped", flush=True)

    @staticmethod
    def mail_of(message):
        source = {"Name": "AWS Notifications", "Email": message.get("Source") or f"no-reply@{DOMAIN}"}
        if message.get("RawData"):
            raw = parts_of_raw(message["RawData"])
            return {**raw, "From": raw["From"] or source}
        destination = message.get("Destination") or {}
        subject, text = subject_and_text(message)
        return {
            "From": source,
            "To": [{"Email": one} for one in destination.get("ToAddresses") or []],
            "Cc": [{"Email": one} for one in destination.get("CcAddresses") or []],
            "Bcc": destination.get("BccAddresses") or [],
            "Subject": subject,
            "Text": text,
        }

    def take_off(self, identifier):
        call("the emulator", f"{self.emulator}/_aws/ses?id={urllib.parse.quote(identifier)}", "DELETE")


def main(emulator, mailbox, seconds):
    relay = Relay(emulator.rstrip("/"), mailbox.rstrip("/"))
    failing = None
    while True:
        try:
            relay.round()
            if failing is not None:
                print("relay: mail is handed over again", flush=True)
            failing = None
        except Away as error:
            relay.unsure = True
            if failing is None:
                print(f"relay: mail waits: {error}", flush=True)
            failing = error
        time.sleep(float(seconds))


if __name__ == "__main__":
    # The first process of a container ignores what it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(*sys.argv[1:])
