/**
 * Slack waits three seconds for an ack, and a trigger is good for as long: a machine that is busy with other tests may
 * hold a process up for that long. Shorter than what a test lets Slack be slow for, so that a bot that waits for that
 * before its ack is found out. How soon it acks is measured (`npm run bench`), and that it waits for nothing is shown
 * by holding back what it could wait for.
 */
export const PATIENT_SLACK = { ackMs: 15_000, triggerMs: 15_000 };
