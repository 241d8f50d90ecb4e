import type { Window } from "../../maintenanceWindow";
import type { Mail } from "../mail/mailer";
import { html } from "../pages/html";
import { spanText } from "../pages/times";

export interface NoticeWords {
  readonly window: Window;
  /** IANA zone of the stack, whose clocks come first. */
  readonly zone: string;
  /** What people type to reach the application. */
  readonly publicUrl: string;
}

/**
 * The notice of a window to users (M38), in two forms of the same content. Nothing in it is about the one who gets it. Pure; every text is
 * escaped.
 */
export function noticeMail({ window, zone, publicUrl }: NoticeWords): Omit<Mail, "to"> {
  const local = spanText(window, zone);
  const utc = spanText(window, "UTC");
  const status = `${publicUrl.replace(/\/+$/, "")}/status`;
  const what =
    "FitnessCRM is maintained at this time. It may be slow or away for moments then; nothing has to be done.";
  const why = "You get this message because you have an account there.";
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Planned maintenance</title></head>
<body style="margin:0;padding:20px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:22px">
<h1 style="margin:0 0 12px;font-size:20px;line-height:26px">Planned maintenance</h1>
<p style="margin:0 0 12px"><strong>${local}</strong><br>${utc}</p>
<p style="margin:0 0 12px">${what}</p>
<p style="margin:0 0 12px">How it goes: <a href="${status}">${status}</a></p>
<p style="margin:0;font-size:13px;line-height:18px">${why}</p>
</body></html>
`;
  return {
    subject: `Planned maintenance: ${local} (${utc})`,
    text: ["Planned maintenance", "", local, utc, "", what, "", `How it goes: ${status}`, "", why, ""].join(
      "\n",
    ),
    html: page.text,
  };
}
