-- A server under the tester's wing: started, waited for, watched, restarted, ended; its death pinned to one case.
local crash_report = require "h2probe.crash_report"
local dkjson = require "dkjson"
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local supervisor = require "h2probe.supervisor"
local url = require "h2probe.url"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"
local LIMIT <const> = 60
-- Seconds that nobody else sleeps: what is left behind is found by them.
local NAP = ("97.%d"):format(engine.random(4):byte(1) * 65536 + engine.random(2):byte(1) * 256 + engine.random(2):byte(2))
local SERVE = PROGRAM .. " serve --port {port}"
local FRAGILE = "python3 tests/lua/fragile.py {port} " .. PROGRAM

local CRASH = [[
#include <limits.h>
#include <stdlib.h>
#include <string.h>
static int use(volatile char *p) { return p[2]; }
int main(int argc, char **argv) {
    char *p = malloc(77);
    if (argc > 1 && !strcmp(argv[1], "leak")) { p = NULL; return 0; }
    if (argc > 1) { volatile int x = INT_MAX; x += argc; return 0; }
    free(p);
    return use(p);
}
]]

local made = {}

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function temporary(text, suffix)
  local path = os.tmpname()
  os.remove(path)
  path = path .. (suffix or "")
  made[#made + 1] = path
  if text then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
  return path
end

local function slurp(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  return text
end

-- Status, results, standard error, JUnit.
local function run(words, command, ...)
  command = command:gsub("97%.5", NAP)
  local json, xml, err = temporary "", temporary "", temporary ""
  local line = { "timeout", "-k", "1", tostring(LIMIT), PROGRAM, words, "--report", "json=" .. json, "--report", "junit=" .. xml,
    "--server-cmd", quoted(command), ... }
  local _, how, status = os.execute(table.concat(line, " ") .. " >/dev/null </dev/null 2>" .. err)
  assert.are.equal("exit", how)
  local errors = slurp(err)
  assert.is_nil(errors:find("stack traceback", 1, true), errors)
  return status, dkjson.decode(slurp(json)), errors, slurp(xml)
end

-- (timeout would pass a signal on twice but for --foreground; a second one ends everything at once.)
-- Processes with this word in their command lines, ours and those of the shell that asks aside.
local function processes(word)
  local pipe = io.popen("ps -eo pid,args | grep -F -- " .. quoted(word) .. " | grep -v -e grep -e busted -e setup.lua")
  local text = pipe:read "a"
  pipe:close()
  return text
end

local function probes(trigger, position, count)
  local paths = {}
  for i = 1, count do
    local last = i == position and ("conn:send(PING '%s')\nconn:recv { name = 'PING', ack = true }\n"):format(trigger) or ""
    paths[i] = temporary(("title = 'probe %d'\nconn:ping()\nconn:get '/'\n%s"):format(i, last), i == position and "-kill.lua" or ".lua")
  end
  return "probe " .. table.concat(paths, " ") .. " --mode prior"
end

local function counts(all)
  local by, guilty = {}, {}
  for _, result in ipairs(all.results) do
    by[result.verdict] = (by[result.verdict] or 0) + 1
    if result.verdict == "error" then guilty[#guilty + 1] = result end
  end
  return by, guilty
end

local function compiled(name, flags)
  local source, program = temporary(CRASH, "-crash.c"), temporary()
  assert(os.execute(("cc -g %s -o %s %s 2>/dev/null"):format(flags, program, source)), "no compiler for " .. name)
  return program, source:match "[^/]+$"
end

describe("h2probe run --server-cmd", function()
  after_each(function()
    for _, path in ipairs(made) do os.remove(path) end
    made = {}
  end)

  it("starts the server, trusts its certificate, tests all modes, and leaves nothing", function()
    local seen = temporary ""
    local status, all, errors = run("run http2/ping alpn/selection",
      ("echo {cert} {key} >%s; exec %s --tls-port {tls_port} --cert {cert} --key {key}"):format(seen, SERVE))
    assert.are.equal(0, status, errors)
    assert.are.equal(3, #all.modes)
    assert.are.equal(all.summary.total, all.summary.pass)
    local cert, key = slurp(seen):match "^(%S+) (%S+)\n"
    assert.is_nil(slurp(cert))
    assert.is_nil(slurp(key))
    assert.are.equal("", processes(cert))
  end)

  it("takes the URL's placeholders and the environment's variables, and leaves the shell's alone", function()
    local status, all, errors = run("run http2/ping 'http://localhost:{port}/'",
      "port=$H2PROBE_PORT; exec " .. PROGRAM .. " serve --host {host} --port ${port}")
    assert.are.equal(0, status, errors)
    assert.is_truthy(all.target:find("http://localhost:{port}/ (", 1, true), all.target)
    assert.is_truthy(all.results[1].command:find(" http://localhost:{port}/ ", 1, true), all.results[1].command)
    assert.is_truthy(all.results[1].command:find("--server-cmd", 1, true))
  end)

  local MISTAKES = {
    { "run http2/ping", "sleep 99", 2, "without a URL the command needs {port}" },
    { "run http2/ping --mode alpn", SERVE, 2, "--mode alpn needs {tls_port}" },
    { "run http2/ping --server-wait 0.3", "echo waiting; exec sleep 97.5; : {port}", 3, "within 0.3 s" },
    { "run http2/ping --server-wait 0.3", "echo waiting; exec sleep 97.5; : {port}", 3, "  | waiting" },
    { "run http2/ping", "echo boom; exit 7; : {port}", 3, "ended with exit status 7 before it accepted HTTP/2\n  | boom" },
    { "run http2/ping", "kill -SEGV $$; : {port}", 3, "ended by SIGSEGV before" },
    { "run http2/ping", "(setsid sleep 97.5 &) ; : {port}", 3, "must stay in the foreground" },
    { "run http2/ping", "printf '\\033[31m\\n'; exit 1; : {port}", 3, "\\x1b[31m" },
  }
  for number, row in ipairs(MISTAKES) do
    it(("says what is wrong with a command: %d"):format(number), function()
      local status, all, errors = run(row[1], row[2])
      assert.are.equal(row[3], status, errors)
      assert.is_nil(all)
      assert.is_truthy(errors:find(row[4], 1, true), errors)
      assert.are.equal("", processes("sleep " .. NAP))
    end)
  end

  it("does not take somebody else's server for its own", function()
    help.run(function()
      local listener = assert(engine.listen { host = "127.0.0.1", port = 0 })
      local status, _, errors = run(("run http2/ping http://127.0.0.1:%d"):format(listener:port()), SERVE)
      listener:close()
      assert.are.equal(3, status)
      assert.is_truthy(errors:find("somebody listens on 127.0.0.1:", 1, true), errors)
    end)
  end)

  it("ends children, also those that left the group, and survives megabytes of output", function()
    local status, all, errors = run("run http2/ping --mode prior",
      "setsid sleep 97.5 & (setsid sleep 97.5 &); sleep 97.5 & yes 97.5 & exec " .. SERVE)
    assert.are.equal(0, status, errors)
    assert.are.equal(all.summary.total, all.summary.pass)
    assert.are.equal("", processes("sleep " .. NAP))
    assert.are.equal("", processes("yes " .. NAP))
  end)

  it("starts a server for each suite, or each run of a case", function()
    for policy, wanted in pairs { ["per-suite"] = 2, ["per-case"] = 22, never = 1 } do
      local starts = temporary ""
      local status, all, errors = run("run http2/ping http2/priority --mode prior --restart " .. policy,
        ("echo start >>%s; exec %s"):format(starts, SERVE))
      assert.are.equal(0, status, errors)
      local _, count = slurp(starts):gsub("start", "")
      assert.are.equal(all.summary.total, all.summary.pass)
      assert.is_true(policy == "per-case" and count >= wanted or count == wanted, policy .. ": " .. count)
    end
  end)

  for name, number in pairs { SIGINT = "INT", SIGTERM = "TERM", SIGHUP = "HUP" } do
    it("ends the server on " .. name .. ", and writes its reports", function()
      local json, started = temporary(), temporary()
      assert(os.execute("mkfifo " .. started))
      local command = ("timeout --foreground %d %s run --mode prior --server-cmd %s --report json=%s --repeat 500"):format(LIMIT, PROGRAM,
        quoted(("sleep %s & echo up >%s; exec %s"):format(NAP, started, SERVE)), json)
      local pipe = assert(io.popen("sh -c 'echo $$; exec " .. command:gsub("'", "'\\''") .. "' 2>&1; echo status $?", "r"))
      local pid = pipe:read "l"
      assert.are.equal("up\n", slurp(started))
      os.execute(("kill -%s %s"):format(number, pid))
      local output = pipe:read "a"
      pipe:close()
      assert.are.equal("status 1", output:match "status %d+", output)
      assert.are.equal(name, dkjson.decode(slurp(json)).interrupted)
      assert.are.equal("", processes("sleep " .. NAP))
    end)
  end
end)

describe("a death under the tester's wing", function()
  after_each(function()
    for _, path in ipairs(made) do os.remove(path) end
    made = {}
  end)

  for action, said in pairs { abort = "ended by SIGABRT", segv = "ended by SIGSEGV", ["exit:3"] = "ended with exit status 3",
    ["late:20"] = "ended with exit status 9" } do
    it("is pinned to one case, and the run goes on: " .. action, function()
      local status, all, errors = run(probes("killkill", 9, 16) .. " --jobs 8", FRAGILE .. " killkill=" .. action)
      assert.are.equal(4, status, errors)
      local by, guilty = counts(all)
      assert.are.same({ pass = 15, error = 1 }, by)
      assert.is_truthy(guilty[1].id:find("kill", 1, true), guilty[1].id)
      assert.are.equal("the target died of this case: " .. said, guilty[1].observed)
      assert.is_true(all.complete)
      assert.is_truthy(all.died:find(said, 1, true))
      assert.are.equal("", processes(FRAGILE:sub(1, 26)))
    end)
  end

  it("ends the run where the server is not to be started again", function()
    local status, all = run(probes("killkill", 3, 30) .. " --jobs 1 --restart never", FRAGILE .. " killkill=abort")
    assert.are.equal(4, status)
    local by, guilty = counts(all)
    assert.are.same({ pass = 2, error = 28 }, by)
    assert.are.equal("the target died of this case: ended by SIGABRT", guilty[1].observed)
    assert.are.equal("not run: the target died", guilty[2].observed)
  end)

  it("has the report of a sanitizer with it", function()
    local program, source = compiled("ASan", "-fsanitize=address")
    local status, all, errors, xml = run(probes("killkill", 4, 8) .. " --jobs 4", FRAGILE .. " killkill=run:" .. program)
    assert.are.equal(4, status, errors)
    local by, guilty = counts(all)
    assert.are.same({ pass = 7, error = 1 }, by)
    assert.are.equal(("the target died of this case: AddressSanitizer: heap-use-after-free in %s:4 (use) (exit status 1)")
      :format(source), guilty[1].observed)
    assert.is_truthy(guilty[1].log:find "^==%d+==ERROR: AddressSanitizer")
    assert.is_truthy(guilty[1].log:find "==ABORTING\n$")
    assert.is_truthy(xml:find("<system-err>==", 1, true))
  end)

  it("is not needed for a report: of one that goes on the case is an error, and the target did not die", function()
    local program, source = compiled("UBSan", "-fsanitize=undefined")
    local status, all, errors = run(probes("killkill", 4, 8) .. " --jobs 4", FRAGILE .. " killkill=say:" .. program .. ",ub")
    assert.are.equal(1, status, errors)
    local by, guilty = counts(all)
    assert.are.same({ pass = 7, error = 1 }, by)
    assert.is_truthy(guilty[1].observed:find("the target complained in this case: UndefinedBehaviorSanitizer: signed integer overflow", 1, true))
    assert.is_truthy(guilty[1].observed:find(source, 1, true))
    assert.is_nil(all.died)
  end)

  it("may come at the end: leaks are reported when the server is stopped", function()
    local program = compiled("LSan", "-fsanitize=address")
    local status, all, errors = run("run http2/ping --mode prior",
      ("trap 'kill $pid; %s leak; exit 0' TERM; %s & pid=$!; wait"):format(program, SERVE))
    assert.are.equal(1, status, errors)
    local _, guilty = counts(all)
    assert.are.equal(1, #guilty)
    assert.are.equal("target/stop", guilty[1].id)
    assert.are.equal("the target complained when it was stopped: LeakSanitizer: 77 byte(s) leaked in 1 allocation(s).",
      guilty[1].observed)
  end)
end)

describe("a supervisor", function()
  local function keeper(command, more)
    local listener = assert(engine.listen { host = "127.0.0.1", port = 0 })
    local port = listener:port()
    listener:close()
    local said = {}
    local options = { command = (command:gsub("PORT", tostring(port)):gsub("97%.5", NAP)), wait = 10, policy = "on-death", modes = { "prior" },
      targets = { prior = assert(url.parse(("http://127.0.0.1:%d/"):format(port))) }, timeout = 2,
      say = function(text) said[#said + 1] = text end }
    for key, value in pairs(more or {}) do options[key] = value end
    return supervisor.new(options), said
  end

  it("kills who ignores SIGTERM, and says so once", function()
    help.run(function()
      local self, said = keeper("trap '' TERM; " .. PROGRAM .. " serve --port PORT & while :; do sleep 97.5; done", { patience = 0.1 })
      for _ = 1, 2 do
        assert(self:restart())
        self:stop()
      end
      assert.are.same({ "the server ignored SIGTERM for 0.1 s and was killed" }, said)
      assert.are.equal("", processes("sleep " .. NAP))
    end)
  end)

  it("tells of the end of the process at once, and starts it again on the same port", function()
    help.run(function()
      local told = engine.queue()
      local self = keeper(PROGRAM .. " serve --port PORT")
      self.on_trouble = function(trouble) told:put(trouble) end
      assert(self:start())
      self.life.process:kill "SIGSEGV"
      local trouble = assert(told:take(5))
      assert.are.equal("ended by SIGSEGV", self:why(self:settle(trouble)))
      assert(self:restart())
      self:stop()
      assert.are.equal(0, told:count())
      assert.are.same({}, self.findings)
    end)
  end)

  it("tells of a crash in the end itself", function()
    help.run(function()
      local self = keeper("trap 'kill $pid; kill -SEGV $$' TERM; " .. PROGRAM .. " serve --port PORT & pid=$!; wait")
      assert(self:start())
      self:stop()
      assert.are.equal("ended by SIGSEGV when it was told to stop", self.findings[1].summary)
    end)
  end)
end)

describe("reports of crashes", function()
  local TEXTS = {
    { "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x0 (pc 0x1)\n    #0 0x1 in f /a/b.c:3\n"
      .. "SUMMARY: AddressSanitizer: SEGV /a/b.c:3:9 in f\n==7==ABORTING\n",
      "AddressSanitizer: SEGV in b.c:3:9 (f)" },
    { "/a/b.c:12:5: runtime error: shift exponent 40 is too large\n    #0 0x1 in f\n",
      "UndefinedBehaviorSanitizer: shift exponent 40 is too large in b.c:12:5" },
    { "WARNING: ThreadSanitizer: data race (pid=9)\n  Write of size 4\nSUMMARY: ThreadSanitizer: data race /a/b.c:3 in f\n",
      "ThreadSanitizer: data race in b.c:3 (f)" },
    { "2026/01/01 [alert] 7#7: worker process 8 exited on signal 11 (core dumped)\n", "a worker process was ended by signal 11" },
    { "[core:notice] AH00052: child pid 9 exit signal Segmentation fault (11)\n", "a child process was ended by a signal: Segmentation fault (11)" },
    { "thread 'main' panicked at src/main.rs:5:9:\nboom\n", "panicked at src/main.rs:5:9:" },
    { "2026 http2: panic serving 127.0.0.1:3: boom\n", "panic serving 127.0.0.1:3: boom" },
  }
  for _, row in ipairs(TEXTS) do
    it("are found in a log: " .. row[2], function()
      local report = crash_report.read("first line\n" .. row[1] .. "last line\n")
      assert.are.equal(row[2], report.summary)
      assert.are.equal(12, report.first)
      assert.is_true(report.complete)
      assert.are.equal(1, #crash_report.all("first line\n" .. row[1] .. "last line\n"))
      assert.is_nil(report.text:find("last line", 1, true))
    end)
  end

  it("are not seen in other logs", function()
    for _, text in ipairs { "", "GET / 200\n", "a runtime error: x\n", ("x"):rep(100000), "child exited on signal\n" } do
      assert.is_nil(crash_report.read(text))
    end
  end)
end)
