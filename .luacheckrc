-- luacheck for the runtime, the reports, the suites and the tests. The names of the script language are those of
-- lua/environment.lua; a test compares the two.
std = "lua54"
max_line_length = 130
exclude_files = { "build", "build-*" }

local script = {
  -- declarations
  "suite", "case", "title", "conn",
  -- frames
  "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
  "CONTINUATION", "PRIORITY_UPDATE", "ALTSVC", "ORIGIN", "FRAME", "octets",
  -- fields
  "get", "indexed", "literal", "size_update",
  -- outcomes
  "connection_error", "stream_error", "malformed", "ignored", "response", "closed", "no_upgrade", "tls_alert", "any_of",
  -- connections and coroutines
  "connect", "spawn",
}

stds.script = { read_globals = script }
files["suites"] = { std = "lua54+script" }
files["tests/probes"] = { std = "lua54+script", globals = { "title" } }
files["tests/lua"] = { std = "lua54+busted" }
files["lua/meta"] = { ignore = { "1", "2", "6" } }
