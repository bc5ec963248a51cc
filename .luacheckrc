-- luacheck for the runtime, the reports, the suites and the tests. The names of the script language are those of
-- lua/environment.lua; a test compares the two.
std = "lua54"
max_line_length = 150
self = false
exclude_files = { "build", "build-*" }

stds.script = {
  globals = { "title", "req", "h2spec", "start", "role", "modes", "timeout", "settings", "auto", "needs" },
  read_globals = {
    -- declarations, and what a script is about
    "suite", "case", "conn", "target", "connect", "spawn",
    -- frames and octets
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
    "CONTINUATION", "ALTSVC", "ORIGIN", "PRIORITY_UPDATE", "FRAME", "PREFACE", "octets", "hex", "base64url",
    -- field lists
    "get", "head", "post", "request", "with", "without", "replace", "unindexed", "field",
    "indexed", "literal", "size_update", "raw",
    -- outcomes
    "connection_error", "stream_error", "malformed", "ignored", "response", "closed", "no_upgrade", "no_error",
    "invalid_preface", "no_http2", "speaks_http2", "tls_alert", "selects", "no_alpn", "any_of", "soft",
    -- verdicts
    "check", "fail", "warn", "note", "skip", "inconclusive", "eventually",
  },
}

-- A script sees less of Lua than other files do: no way out to the system.
stds.sandbox = {
  read_globals = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen",
    "select", "setmetatable", "tonumber", "tostring", "type", "xpcall",
    "coroutine", "math", "string", "table", "utf8",
  },
}
for _, name in ipairs { "coroutine", "math", "string", "table", "utf8" } do
  stds.sandbox.read_globals[name] = { other_fields = true }
end

files["suites"] = { std = "sandbox+script" }
files["tests/probes"] = { std = "sandbox+script" }
files["tests/lua"] = { std = "lua54+busted" }
files["lua/meta"] = { ignore = { "1", "2", "6" } }
