import { z } from "zod";

/** What Lighthouse judges, in the order in which it is shown. */
export const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"] as const;
export type Category = (typeof CATEGORIES)[number];

const score = z.int().min(0).max(100);

export const auditedPage = z.strictObject({
  /** Below the stack's public address. */
  path: z
    .string()
    .regex(/^\/[^\s]*$/)
    .max(500),
  scores: z.strictObject(
    Object.fromEntries(CATEGORIES.map((name) => [name, score])) as Record<Category, typeof score>,
  ),
  /** Everything that was loaded, as it came over the wire. */
  bytes: z.int().min(0),
});

/** One audit of the application's pages by Lighthouse (M15). Scores are whole numbers from 0 to 100. */
export const audit = z.strictObject({
  /** ISO time. */
  at: z.iso.datetime(),
  /** Of Lighthouse: another one judges differently. */
  version: z.string().max(40),
  pages: z.array(auditedPage).min(1).max(20),
});
export type AuditedPage = z.infer<typeof auditedPage>;
export type Audit = z.infer<typeof audit>;
