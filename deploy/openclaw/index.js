// Puts Eventlore's context before an agent's prompt. A prompt waits for it a short time at most, and goes without
// context when the service is away.

import { connect } from "@nats-io/transport-node";

const DEFAULTS = { url: "nats://localhost:4222", budget: 1000, timeoutMs: 300 };
const RETRY_AFTER_MS = 5000;

// OpenClaw evaluates a plugin twice in a process, and hooks may fire on either copy: the connection is shared here.
const shared = (globalThis[Symbol.for("eventlore-context")] ??= { connection: null, connecting: null, failedAt: -Infinity });

async function connection(url) {
  if (shared.connection && !shared.connection.isClosed()) return shared.connection;
  if (Date.now() - shared.failedAt < RETRY_AFTER_MS) return null;
  shared.connecting ??= connect({
    ...credentials(url),
    name: "eventlore-context",
    timeout: 2000,
    maxReconnectAttempts: -1,
  })
    .then((made) => (shared.connection = made))
    .catch(() => ((shared.failedAt = Date.now()), null))
    .finally(() => (shared.connecting = null));
  return shared.connecting;
}

function credentials(url) {
  const servers = url.split(",").map((one) => one.trim());
  const first = servers[0].includes("://") ? servers[0] : `nats://${servers[0]}`;
  const { username, password } = new URL(first);
  const bare = servers.map((one) => one.replace(/^([a-z]+:\/\/)[^@/]*@/, "$1"));
  if (!username) return { servers: bare };
  const user = decodeURIComponent(username);
  return password ? { servers: bare, user, pass: decodeURIComponent(password) } : { servers: bare, token: user };
}

// The agent stands in the session key, agent:<id>:<rest>; the field agentId is not always right.
function agentOf(context) {
  const named = /^agent:([^:]+):/.exec(context?.sessionKey ?? "");
  return named ? named[1] : context?.agentId || "main";
}

// What a subject's word cannot hold is percent-encoded; the service decodes it.
function word(agent) {
  return encodeURIComponent(agent).replace(/[.*!'()~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

export async function contextFor(context, settings) {
  const { url, budget, timeoutMs } = { ...DEFAULTS, ...settings };
  let timer;
  const tooLate = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs, null)));
  try {
    return await Promise.race([ask(url, budget, timeoutMs, context), tooLate]);
  } catch {
    return null; // nobody answers, or not in time: the session goes on without
  } finally {
    clearTimeout(timer);
  }
}

async function ask(url, budget, timeoutMs, context) {
  const nats = await connection(url);
  if (!nats) return null;
  const request = JSON.stringify({ session: context?.sessionKey ?? "", budget, format: "markdown" });
  const reply = await nats.request(`eventlore.context.${word(agentOf(context))}`, request, { timeout: timeoutMs });
  return reply.headers?.get("Nats-Service-Error-Code") ? null : reply.string();
}

export default {
  id: "eventlore-context",
  name: "Eventlore context",
  description: "Puts what the agent should know before its prompt.",
  register(api) {
    const settings = api.pluginConfig ?? {};
    api.on("before_prompt_build", async (_event, context) => {
      const block = await contextFor(context, settings);
      return block ? { prependContext: block } : undefined;
    });
  },
};
