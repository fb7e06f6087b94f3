// The local Better Auth server: email and password, sessions by cookie or bearer token.
// It is told everything by the environment (dev/auth_server.py) and ends when its stdin closes.
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer } from "better-auth/plugins";
import pg from "pg";

const { AUTH_PORT, AUTH_BASE_URL, AUTH_SECRET, AUTH_TRUSTED_ORIGINS = "" } = process.env;
const PATIENCE_MS = 30_000;

// Whoever started us holds the other end, and the kernel closes it even after kill -9.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
process.on("SIGINT", () => process.exit(0));

// Host, user and database come from PGHOST and its sisters: a socket's folder fits in no URL.
const pool = new pg.Pool({ max: 10 });
// Without a listener a restart of PostgreSQL ends this process.
pool.on("error", (error) => console.error("database connection lost:", error.message));

const options = {
  baseURL: AUTH_BASE_URL || `http://127.0.0.1:${AUTH_PORT}`,
  secret: AUTH_SECRET,
  database: pool,
  emailAndPassword: { enabled: true },
  trustedOrigins: AUTH_TRUSTED_ORIGINS.split(",").filter(Boolean),
  // The limiter works with NODE_ENV=production only. A backend asks for sessions on behalf of
  // everybody from one address, so that path is never limited.
  rateLimit: { customRules: { "/get-session": false } },
  telemetry: { enabled: false },
  plugins: [bearer()],
};

async function migrate() {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const { runMigrations } = await getMigrations(options);
      return await runMigrations();
    } catch (error) {
      if (Date.now() > end) throw error;
      console.error("waiting for the database:", error.message);
      await new Promise((resume) => setTimeout(resume, 250));
    }
  }
}

await migrate();
const handle = toNodeHandler(betterAuth(options));
const server = http.createServer((request, response) => {
  // A rejected promise that nobody catches ends the process.
  handle(request, response).catch((error) => {
    console.error("request failed:", error.message);
    if (!response.headersSent) response.statusCode = 500;
    response.end();
  });
});
server.listen(Number(AUTH_PORT), "127.0.0.1", () => console.log(`ready on ${options.baseURL}`));
