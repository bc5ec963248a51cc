-- The program as a user runs it: messages, exit statuses, reports. Real processes, loopback only.
local dkjson = require "dkjson"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"
local LIMIT <const> = 30 -- seconds that a run may take at most

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function temporary(text, suffix)
  local path = os.tmpname()
  os.remove(path)
  path = path .. (suffix or "")
  if text then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
  return path
end

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read "a"
  file:close()
  return text
end

-- Runs the program with words: status, standard output, standard error.
local function run(...)
  local words = { "env", "-u", "GITHUB_ACTIONS", "timeout", "-k", "1", tostring(LIMIT), PROGRAM }
  for _, word in ipairs { ... } do
    words[#words + 1] = quoted(word)
  end
  local out, err = temporary "", temporary ""
  local _, how, status = os.execute(table.concat(words, " ") .. (" >%s 2>%s </dev/null"):format(out, err))
  assert.are.equal("exit", how)
  local output, errors = slurp(out), slurp(err)
  os.remove(out)
  os.remove(err)
  return status, output, errors
end

local started = {}

-- A background process that tells what it listens on: its output. It ends with the test.
local function background(command)
  local pipe = assert(io.popen("echo $$; exec " .. command .. " </dev/null 2>/dev/null", "r"))
  started[pipe] = assert(pipe:read "l")
  return pipe
end

after_each(function()
  for pipe, pid in pairs(started) do
    os.execute("kill " .. pid .. " 2>/dev/null")
    pipe:close()
  end
  started = {}
end)

local function serve(...)
  local pipe = background(PROGRAM .. " serve " .. table.concat({ ... }, " "))
  local clear = assert(pipe:read("l"):match "http://[%d.]+:%d+")
  local tls = assert(pipe:read("l"):match "https://[%d.]+:%d+")
  return clear, tls
end

local function peer(kind)
  local pipe = background("python3 tests/lua/peer.py " .. kind)
  return "127.0.0.1:" .. assert(pipe:read "l"), pipe
end

local function one_line(errors)
  assert.is_truthy(errors:find "^h2probe: [^\n]+\n$", errors)
  assert.is_nil(errors:find("stack traceback", 1, true), errors)
  return errors
end

local USAGE = {
  { { "run", "--bogus" }, "unknown option '--bogus'" }, { { "fly" }, "unknown command 'fly'" },
  { { "run", "--jobs", "many" }, "whole number" }, { { "run", "https://" }, "no host" },
  { { "run", "ftp://x/" }, "is not a URL" }, { { "run", "http://a:99999/" }, "1 to 65535" },
  { { "run", "http://a/", "http://b/" }, "two URLs" }, { { "run", "http2/setings" }, "did you mean 'http2/settings'" },
  { { "run", "/nonexistent/x.lua" }, "No such file" }, { { "probe", "/nonexistent/x" }, "No such file" },
  { { "probe", "http://127.0.0.1:1/" }, "needs a script" }, { { "run", "--mode", "alpn", "http://127.0.0.1:1/" }, "https" },
  { { "run", "https://127.0.0.1:1/", "--cacert", "/nonexistent" }, "--cacert" },
  { { "run", "--report", "xml" }, "no format 'xml'" }, { { "explain", "nothing-like-it" }, "there is no case" },
  { { "serve", "--violate", "RFC1-1-1" }, "--violate" }, { { "list", "http://x/" }, "no URL" },
  { { "run", "--sni" }, "--sni" }, { { "run", ("x"):rep(100000) }, "longer than" },
  { { "run", "\27]0;title\7" }, "\\x1b" },
}

describe("h2probe", function()
  for _, row in ipairs(USAGE) do
    it("refuses " .. table.concat(row[1], " "):sub(1, 60):gsub("%c", "?"), function()
      local status, output, errors = run(table.unpack(row[1]))
      assert.are.equal(2, status, errors)
      assert.are.equal("", output)
      assert.is_truthy(one_line(errors):find(row[2], 1, true), errors)
    end)
  end

  it("alone shows a short help", function()
    local status, output = run()
    assert.are.equal(0, status)
    assert.is_truthy(output:find("examples:", 1, true))
  end)

  it("knows its version", function()
    local status, output = run "--version"
    assert.are.equal(0, status)
    assert.is_truthy(output:find "^h2probe %d+%.%d+")
  end)

  it("says that standard output cannot be written", function()
    for _, words in ipairs { "--help", "list", "explain RFC9113-6.7-1", "run http2/ping", "run http2/ping --report json" } do
      local err = temporary ""
      local _, how, status = os.execute(("timeout %d %s %s >/dev/full 2>%s"):format(LIMIT, PROGRAM, words, err))
      assert.are.same({ "exit", 6 }, { how, status })
      assert.is_truthy(one_line(slurp(err)):find("No space left", 1, true))
      os.remove(err)
    end
  end)

  it("lives without standard streams", function()
    local _, how, status = os.execute(("timeout %d %s run http2/ping <&- >&- 2>&-"):format(LIMIT, PROGRAM))
    assert.are.same({ "exit", 6 }, { how, status })
    local path = temporary()
    _, how, status = os.execute(("timeout %d %s run http2/ping --report json=%s --report junit=/dev/null <&- 2>&- >/dev/null")
      :format(LIMIT, PROGRAM, path))
    assert.are.same({ "exit", 0 }, { how, status })
    assert.is_truthy(dkjson.decode(slurp(path)))
    os.remove(path)
  end)

  it("lists bare ids, of those that test a server or a client", function()
    local function ids(...)
      local status, output = run("list", "--ids", ...)
      local list = {}
      for line in output:gmatch "[^\n]+" do
        list[#list + 1] = line
      end
      return list, status
    end
    local all, servers, clients = ids(), ids("--testing", "server"), ids("--testing", "client")
    assert.are.equal(#all, #servers + #clients)
    assert.are.equal("client/", clients[1]:match "^[^/]+/")
    local none, status = ids("http2", "--testing", "client")
    assert.are.same({ 0, 5 }, { #none, status })
  end)

  it("lists the cases as JSON", function()
    local status, output = run("list", "--json", "http2/settings")
    assert.are.equal(0, status)
    local list = assert(dkjson.decode(output))
    assert.is_true(#list > 3)
    for _, entry in ipairs(list) do
      assert.are.equal("http2/settings", entry.suite)
      assert.is_truthy(entry.title and entry.level and entry.role)
      assert.is_true(#entry.req > 0 and #entry.modes > 0 and type(entry.h2spec) == "table")
    end
    assert.are.equal(list[1].id, select(2, run("explain", list[1].id)):match "^[^\n]+")
    assert.is_truthy(select(2, run("explain", list[1].req[1])):find(list[1].id, 1, true))
  end)
end)

describe("h2probe run against the embedded server", function()
  it("is green in all modes, and the same twice", function()
    local function results()
      local status, output, errors = run("run", "--report", "json")
      assert.are.equal(0, status, errors .. output:sub(1, 2000))
      local all = assert(dkjson.decode(output))
      all.started, all.seconds = nil, nil
      for _, result in ipairs(all.results) do
        result.seconds = nil
      end
      return all
    end
    local first = results()
    assert.are.equal(3, #first.modes)
    assert.are.equal(first.summary.total, #first.results)
    assert.is_true(first.summary.pass > 40)
    assert.are.same(first, results())
  end)

  it("writes reports to files beside the console", function()
    local path = temporary()
    local status, output = run("run", "http2/ping", "--report", "json=" .. path, "--color", "never")
    assert.are.equal(0, status)
    assert.is_truthy(output:find "pass")
    assert.is_nil(output:find "\27")
    assert.is_truthy(dkjson.decode(slurp(path)))
    os.remove(path)
  end)

  it("says when a report cannot be written, and writes the others", function()
    local path = temporary()
    local status, _, errors = run("run", "http2/ping", "--report", "junit=/nonexistent/x.xml", "--report", "json=" .. path)
    assert.are.equal(6, status)
    assert.is_truthy(one_line(errors):find("/nonexistent/x.xml", 1, true), errors)
    assert.is_truthy(slurp(path))
    os.remove(path)
  end)

  it("repeats, and tells of flakes", function()
    local status, output = run("run", "http2/ping", "--repeat", "3")
    assert.are.equal(0, status)
    assert.is_truthy(output:find("no verdict changed in 3 rounds", 1, true))
  end)

  it("has the same cases compiled as in the source tree", function()
    local status, compiled = run("list", "--json")
    local status_of_tree, text = run("--root", ".", "list", "--json")
    assert.are.same({ 0, 0 }, { status, status_of_tree })
    assert.are.equal(text, compiled)
    local _, output = run("run", "http2/ping/answered", "--mode", "prior", "--verbose")
    assert.is_truthy(output:find("suites/http2/ping.lua:4", 1, true), output)
  end)

  it("selects by requirement and by h2spec's ids", function()
    assert.are.equal(0, (run("run", "RFC9113-6.7")))
    assert.are.equal(0, (run("run", "h2spec:http2/6.5", "--mode", "prior")))
  end)
end)

describe("h2probe run against a server", function()
  it("is green, and red with a violation", function()
    local clear, tls = serve()
    local status, output, errors = run("run", clear, "http2", "--report", "json")
    local status_tls = run("run", tls, "http2", "--insecure")
    local unverified, _, why = run("run", tls)
    assert.are.equal(0, status, errors)
    assert.are.equal(0, status_tls)
    assert.are.equal("pass", dkjson.decode(output).results[1].verdict)
    assert.are.equal(3, unverified)
    assert.is_truthy(one_line(why):find("--insecure", 1, true), why)
    clear = serve("--violate", "RFC9113-6.5-10")
    status, output = run("run", clear, "RFC9113-6.5-10", "--report", "json")
    assert.are.equal(1, status, output)
    local failed = dkjson.decode(output).results[1]
    assert.are.equal("fail", failed.verdict)
    assert.is_truthy(failed.command:find(clear, 1, true))
    assert.is_true(#failed.transcript > 4)
  end)

  it("resumes TLS sessions, and does without where a server cannot", function()
    local _, tls = serve()
    local status, output, errors = run("run", tls, "http2/ping", "-k", "--verbose", "-j", "1")
    assert.are.equal(0, status, errors)
    assert.is_truthy(output:find("ALPN h2, resumed", 1, true), output)
    _, tls = serve("--violate", "RFC9113-3.2-4=resumed")
    status, output, errors = run("run", tls, "http2/ping", "-k", "--timeout", "0.5", "--report", "json")
    assert.are.equal(1, status, errors)
    for _, result in ipairs(dkjson.decode(output).results) do
      assert.are.equal(result.suite == "watch" and "fail" or "pass", result.verdict, result.id)
    end
  end)

  it("says what is wrong when TLS meets cleartext", function()
    local clear, tls = serve()
    local status, _, errors = run("run", (clear:gsub("^http", "https")), "--insecure")
    local status_tls, _, errors_tls = run("run", (tls:gsub("^https", "http")))
    assert.are.equal(3, status, errors)
    one_line(errors)
    assert.is_truthy(errors:lower():find "tls", errors)
    assert.are.equal(3, status_tls, errors_tls)
    one_line(errors_tls)
  end)

  for kind, text in pairs { http1 = "HTTP/1.1", silent = "", garbage = "", ssh = "", close = "" } do
    it("gives 3 for a peer of kind " .. kind, function()
      local at = peer(kind)
      local status, output, errors = run("run", "http://" .. at .. "/", "--timeout", "0.3")
      local status_tls, _, errors_tls = run("run", "https://" .. at .. "/", "--timeout", "0.3")
      assert.are.equal(3, status, errors)
      assert.are.equal(3, status_tls, errors_tls)
      assert.are.equal("", output)
      assert.is_truthy(one_line(errors):find(text, 1, true), errors)
      one_line(errors_tls)
    end)
  end

  it("takes its time with a server of one connection", function()
    local clear = serve()
    local at = peer("single " .. clear:match "%d+$")
    local status, output, errors = run("run", "http://" .. at .. "/", "http2/ping", "http2/settings", "--timeout", "0.5",
      "--report", "json")
    assert.are.equal(0, status, errors .. output:sub(1, 1000))
    local summary = dkjson.decode(output).summary
    assert.are.equal(summary.total, summary.pass)
  end)

  it("gives 3 when nobody is there", function()
    local status, _, errors = run("run", "http://127.0.0.1:1/")
    assert.are.equal(3, status)
    assert.is_truthy(one_line(errors):find("refused", 1, true), errors)
    status, _, errors = run("run", "http://no-such-host.invalid/")
    assert.are.equal(3, status)
    one_line(errors)
  end)
end)

local SCRIPTS = {
  { "pass", "title = 'fine'\nconn:send(PING 'abcdefgh')\nconn:recv { name = 'PING', ack = true }", 0, "" },
  { "fail", "conn:send(PING 'abcdefgh')\ncheck(false, 'a', 'b')", 1, "" },
  { "a name that is none", "conn:send(PONG 'x')", 1, "PONG" },
  { "an endless loop", "local n = 0\nwhile true do n = n + 1 end", 1, "instructions" },
  { "too much memory", "local t = {}\nwhile true do t[#t + 1] = ('x'):rep(1000000) .. #t end", 1, "memory" },
  { "an endless loop in pcall", "while true do pcall(function() while true do end end) end", 1, "instructions" },
  { "a raised table", "error(setmetatable({}, { __tostring = function() while true do end end }))", 1, "table" },
  { "a way out", "os.exit(0)", 1, "os" },
}

describe("h2probe probe", function()
  for _, row in ipairs(SCRIPTS) do
    it("of " .. row[1], function()
      local path = temporary(row[2], ".lua")
      local status, output, errors = run("probe", path, "--mode", "prior", "--report", "json")
      os.remove(path)
      assert.are.equal(row[3], status, errors .. output)
      local result = dkjson.decode(output).results[1]
      assert.are.equal(row[3] == 0 and "pass" or (row[1] == "fail" and "fail" or "error"), result.verdict)
      assert.is_truthy((result.observed or ""):find(row[4], 1, true), result.observed)
      assert.is_nil(output:find("lua/", 1, true), "frames of ours: " .. output)
    end)
  end

  it("says where a script is wrong", function()
    local path = temporary("local x =\n\n= 3\n", ".lua")
    local status, _, errors = run("probe", path)
    os.remove(path)
    assert.are.equal(2, status)
    assert.is_truthy(one_line(errors):find(path .. ":3:", 1, true), errors)
  end)

  it("says when it is given a suite", function()
    local status, _, errors = run("probe", "suites/http2/ping.lua")
    assert.are.equal(2, status)
    assert.is_truthy(one_line(errors):find("h2probe run", 1, true))
  end)
end)

describe("h2probe run FILE", function()
  it("runs a suite of the user's", function()
    local path = temporary([[
suite { "mine", title = "mine" }
case { id = "a", title = "a", req = "RFC9113-6.7-1", run = function(conn) conn:ping() end }
]], ".lua")
    local status, output = run("run", path, "--report", "json")
    os.remove(path)
    assert.are.equal(0, status, output)
    assert.are.equal(3, #dkjson.decode(output).results)
  end)

  it("tells every mistake with its line", function()
    local path = temporary("suite { 'mine' }\ncase { id = 'a', titel = 'x' }\n", ".lua")
    local status, _, errors = run("run", path)
    os.remove(path)
    assert.are.equal(2, status)
    assert.is_truthy(errors:find(path .. ":2: case 'a': unknown key 'titel' (did you mean 'title'?)", 1, true), errors)
  end)
end)

-- A peer (tests/lua/peer.py) and the cases in flight: mute dies with all of these on their way.
local DEATHS <const> = { { "mortal", 1 }, { "mortal", 8 }, { "mute", 8 } }

describe("a target that dies", function()
  for _, row in ipairs(DEATHS) do
    local kind, jobs = table.unpack(row)
    it(("gives 4, and what was not run is an error: %s, --jobs %d"):format(kind, jobs), function()
      local clear = serve()
      local at = peer(kind .. " " .. clear:match "%d+$")
      local status, output, errors = run("run", "http://" .. at .. "/", "messages", "--report", "json", "--jobs", tostring(jobs))
      assert.are.equal(4, status, errors .. output:sub(1, 500))
      local all = dkjson.decode(output)
      local counts, most = { died = 0, ["not run"] = 0 }, 0
      for _, result in ipairs(all.results) do
        most = math.max(most, tonumber((result.observed or ""):match "one of (%d+) cases in flight") or 0)
        for text in pairs(counts) do
          if result.verdict == "error" and result.observed:find(text, 1, true) then
            counts[text] = counts[text] + 1
          end
        end
      end
      assert.is_true(counts["not run"] > 20, counts["not run"])
      -- Suspects are those in flight.
      local suspects = counts.died - counts["not run"]
      assert.is_true(suspects >= 1 and suspects <= jobs and most <= jobs, ("%d of %d suspects"):format(suspects, most))
      assert.is_true(all.summary.pass > 0)
      local odd = {}
      for _, result in ipairs(all.results) do
        if result.verdict ~= "pass" and result.verdict ~= "error" then
          odd[#odd + 1] = ("%s (%s) %s: %s"):format(result.id, result.mode, result.verdict, result.observed)
        end
      end
      assert.are.same({}, odd)
      assert.is_false(all.complete)
    end)
  end
end)

-- The probe waits for what never comes; the proxy tells when it does.
local WAITING = "start = 'tcp'\ntimeout = 20\nconn:send_octets 'READY'\nconn:recv_octets(1000000)\n"

describe("an interrupted run", function()
  for name, number in pairs { SIGINT = "INT", SIGTERM = "TERM" } do
    it("still writes its reports: " .. name, function()
      local clear = serve()
      local at, said = peer("proxy " .. clear:match "%d+$")
      local path, probe = temporary(), temporary(WAITING, ".lua")
      local command = ("timeout %d %s probe %s http://%s/ --mode prior --report json=%s"):format(LIMIT, PROGRAM, probe, at,
        path)
      local run_pipe = assert(io.popen("sh -c 'echo $$; exec " .. command .. "' 2>&1; echo status $?", "r"))
      local pid = assert(run_pipe:read "l")
      assert.are.equal("ready", said:read "l")
      os.execute("kill -" .. number .. " " .. pid)
      local output = run_pipe:read "a"
      run_pipe:close()
      local all = dkjson.decode(slurp(path) or "")
      os.remove(path)
      os.remove(probe)
      assert.are.equal("status 1", output:match "status %d+", output)
      assert.are.equal(name, all.interrupted)
      assert.are.equal("not run: interrupted", all.results[1].observed)
    end)
  end
end)
