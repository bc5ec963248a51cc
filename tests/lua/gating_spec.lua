-- Gating as a user sees it: the program with expectations, selections, shards, deadlines, settings files. Real processes, loopback only.
local dkjson = require "dkjson"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"
local LIMIT <const> = 30 -- seconds that a run may take at most

local HERE = assert(io.popen "pwd"):read "l"
PROGRAM = PROGRAM:find "^/" and PROGRAM or HERE .. "/" .. PROGRAM

local folder

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
  return name
end

local function slurp(name)
  local file = assert(io.open(folder .. "/" .. name, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- Runs the program in the folder: status, standard output, standard error. `before`: variables of its environment.
local function run_with(before, ...)
  local words = { "cd", quoted(folder), "&&", before, "timeout", "-k", "1", tostring(LIMIT), PROGRAM }
  for _, word in ipairs { ... } do
    words[#words + 1] = quoted(word)
  end
  local _, how, status = os.execute(table.concat(words, " ") .. " >out 2>err </dev/null")
  assert.are.equal("exit", how)
  return status, slurp "out", slurp "err"
end

local function run(...)
  return run_with("", ...)
end

local function json(...)
  local words = { ... }
  table.insert(words, 2, "--report=json")
  local status, output, errors = run(table.unpack(words))
  return status, assert(dkjson.decode(output), errors), errors
end

local PASSES, FAILS = "conn:ping()\n", "conn:ping()\ncheck(false, 'the one', 'the other')\n"

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  write("good.lua", PASSES)
  write("bad.lua", FAILS)
end)

after_each(function()
  os.execute("rm -rf " .. quoted(folder))
end)

describe("--expect", function()
  it("turns a known failure green, tells it, and counts it apart", function()
    write("known.txt", "probe/bad fail \"the other\" # ticket 12\n")
    local status, all = json("probe", "good.lua", "bad.lua", "--mode", "prior", "--expect", "known.txt", "--strict", "--fail-fast")
    assert.are.equal(0, status)
    assert.are.same({ 2, 1, 0, 1 }, { all.summary.total, all.summary.pass, all.summary.fail, all.summary.expected_failures })
    local bad = all.results[2]
    assert.are.same({ "probe/bad", "fail", "the other" }, { bad.id, bad.verdict, bad.observed })
    assert.are.same({ reason = "ticket 12", file = "known.txt", line = 1 }, bad.expected_failure)
    assert.are.same({}, all.expectations.problems)
    local _, text = run("probe", "bad.lua", "--mode", "prior", "--expect", "known.txt", "--report", "console", "--report", "junit=x.xml")
    assert.is_truthy(text:find("fail  probe/bad (prior): ticket 12", 1, true), text)
    assert.is_truthy(text:find("Passed with 1 expected failure (exit status 0)", 1, true), text)
    assert.is_truthy(slurp "x.xml":find('<skipped message="expected fail: ticket 12">', 1, true))
  end)

  it("is red without the entry, with another text, another verdict, another mode", function()
    for _, entry in ipairs { "probe/good pass,fail # x", 'probe/bad fail "something else" # x', "probe/bad error # x",
      "probe/bad alpn fail # x" } do
      write("known.txt", entry .. "\n")
      local status, all = json("probe", "good.lua", "bad.lua", "--mode", "prior", "--expect", "known.txt")
      assert.are.same({ 1, 1, 0 }, { status, all.summary.fail, all.summary.expected_failures }, entry)
    end
  end)

  it("is red when the failure is mended, and names the line to delete", function()
    write("known.txt", "# known\n\nprobe/good fail # x\n")
    local status, text = run("probe", "good.lua", "--expect", "known.txt", "--report", "console", "--report", "junit=x.xml")
    assert.are.equal(1, status)
    assert.is_truthy(text:find("known.txt:3: probe/good passes in mode alpn, upgrade, prior: delete the line", 1, true), text)
    assert.is_truthy(text:find("1 expectation that does not hold (exit status 1)", 1, true), text)
    assert.is_truthy(slurp "x.xml":find('failures="1"', 1, true))
    status, text = run("probe", "good.lua", "--expect", "known.txt", "--mode", "prior")
    assert.are.equal(1, status)
    assert.is_truthy(text:find("delete the line, or name the", 1, true), text)
  end)

  it("is red when an entry matches no case, not when the case was not selected", function()
    write("known.txt", "http2/ping/answerd fail # x\nhttp2/settings/acknowledged fail # y\nprobe/x fail # of another command\n"
      .. "client/preface/authority fail # clients\n")
    local status, all = json("run", "http2/ping/answered", "--mode", "prior", "--expect", "known.txt")
    assert.are.equal(1, status)
    assert.are.equal(1, #all.expectations.problems)
    assert.are.same({ 1, "unknown", "http2/ping/answerd" }, { all.expectations.problems[1].line, all.expectations.problems[1].kind,
      all.expectations.problems[1].id })
    assert.is_truthy(all.expectations.problems[1].text:find("did you mean 'http2/ping/answered'", 1, true))
  end)

  it("takes a Lua table", function()
    write("known.lua", "return {\n  { 'probe/bad', verdict = 'fail', reason = 'ticket 12' },\n}\n")
    local status, all = json("probe", "bad.lua", "--mode", "prior", "--expect", "known.lua")
    assert.are.same({ 0, 2 }, { status, all.results[1].expected_failure.line })
  end)

  it("refuses a file with mistakes before anything runs, with file and line", function()
    for name, text in pairs { ["a.txt"] = "\nprobe/bad\n", ["b.lua"] = "return {\n {} }", ["c.lua"] = "\nwhile true do end",
      ["d.lua"] = "return {\n" } do
      write(name, text)
      local status, output, errors = run("probe", "bad.lua", "--expect", name)
      assert.are.same({ 2, "" }, { status, output })
      assert.is_truthy(errors:find("^h2probe: %-%-expect: " .. name .. ":[^\n]*\n$"), errors)
    end
  end)
end)

describe("h2probe client --expect", function()
  it("speaks of cases that test clients", function()
    local function judged(text)
      write("known.txt", text)
      local status, all = json("client", "client/preface/authority", "--mode", "prior", "--expect", "known.txt", "--", PROGRAM, "fetch",
        "{url}")
      return status, all
    end
    local status, all = judged "http2/ping/answered fail # of servers\n"
    assert.are.same({ 0, 1 }, { status, all.summary.pass })
    status, all = judged "client/preface/authority fail # x\n"
    assert.are.same({ 1, "passes" }, { status, all.expectations.problems[1].kind })
  end)
end)

describe("--update-expect", function()
  it("writes a file that makes the run green, and takes out what passes", function()
    local status, _, errors = run("probe", "good.lua", "bad.lua", "--expect", "known.txt", "--update-expect")
    assert.are.equal(0, status)
    assert.are.equal("h2probe: known.txt: 1 line added\n", errors)
    assert.are.equal("probe/bad  fail  # observed: the other\n", slurp "known.txt")
    write("known.txt", "# head\nprobe/good fail # gone\n\nprobe/bad   fail # ticket 12\n")
    status, _, errors = run("probe", "good.lua", "bad.lua", "--expect", "known.txt", "--update-expect")
    assert.are.same({ 0, "# head\n\nprobe/bad   fail # ticket 12\n" }, { status, slurp "known.txt" })
    assert.are.equal("h2probe: known.txt: 1 line removed\n", errors)
    assert.are.equal(0, (run("probe", "good.lua", "bad.lua", "--expect", "known.txt")))
  end)

  it("leaves the file alone if the run did not come to its end, and says when it cannot be written", function()
    write("known.txt", "probe/good fail # x\n")
    local status, _, errors = run("probe", "bad.lua", "good.lua", "--expect", "known.txt", "--update-expect", "--fail-fast",
      "--mode", "prior", "--jobs", "1")
    assert.are.same({ 1, "probe/good fail # x\n" }, { status, slurp "known.txt" })
    assert.is_truthy(errors:find("known.txt is left as it was", 1, true), errors)
    status, _, errors = run("probe", "bad.lua", "--expect", "no/such/folder", "--update-expect", "--mode", "prior")
    assert.are.equal(6, status)
    assert.is_truthy(errors:find("^h2probe: the expectations could not be written: no/such/folder[^\n]*\n$"), errors)
  end)

  it("works with --repeat", function()
    write("flaky.lua", "local n = 0\nconn:ping()\ncheck(math.random(2) == 1, 'heads', 'tails')\n")
    local words = { "probe", "flaky.lua", "bad.lua", "--mode", "prior", "--repeat", "40", "--expect", "known.txt" }
    local status, _, errors = run(table.unpack(words))
    assert.are.same({ 2, "h2probe: --expect: known.txt: No such file or directory\n" }, { status, errors })
    words[#words + 1] = "--update-expect"
    assert.are.equal(0, (run(table.unpack(words))))
    assert.are.equal("probe/flaky  prior  pass,fail  # observed: tails\nprobe/bad    prior  fail  # observed: the other\n",
      slurp "known.txt")
    local all
    status, all = json(table.unpack(words, 1, #words - 1))
    assert.are.same({ 0, 2 }, { status, all.summary.expected_failures })
    assert.are.equal("observed: tails", all.flakes[1].expected_failure.reason)
    write("known.txt", "probe/flaky fail # x\nprobe/bad fail # y\n")
    assert.are.equal(1, (run(table.unpack(words, 1, #words - 1))))
  end)
end)

describe("--shard", function()
  it("splits the cases, tells which part it is, and the parts are the whole", function()
    local seen, count = {}, 0
    for index = 1, 3 do
      local status, all = json("run", "http2/ping", "hpack/state", "--mode", "prior", "--shard", index .. "/3")
      assert.are.equal(0, status)
      assert.are.same({ index = index, total = 3 }, all.shard)
      for _, result in ipairs(all.results) do
        assert.is_nil(seen[result.id])
        seen[result.id], count = true, count + 1
      end
    end
    local _, all = json("run", "http2/ping", "hpack/state", "--mode", "prior")
    assert.are.equal(#all.results, count)
  end)

  it("asks the environment only where it is told to", function()
    local function shard_of(before, ...)
      local _, output = run_with(before, "run", "http2/ping", "--mode", "prior", "--report", "json", ...)
      return dkjson.decode(output).shard
    end
    assert.is_nil(shard_of "CI_NODE_INDEX=1 CI_NODE_TOTAL=2")
    assert.are.same({ index = 2, total = 2 }, shard_of("CI_NODE_INDEX=2 CI_NODE_TOTAL=2", "--shard", "auto"))
    assert.are.same({ index = 1, total = 4 }, shard_of("JOB_COMPLETION_INDEX=0", "--shard", "auto/4"))
    assert.is_nil(shard_of("CI_NODE_INDEX= JOB_COMPLETION_INDEX=", "--shard", "auto"))
  end)

  it("with nothing in it is green and says so", function()
    local status, output = run("run", "http2/ping/answered", "--mode", "prior", "--shard", "2/2")
    assert.are.equal(0, status)
    assert.is_truthy(output:find("Nothing was to run: shard 2 of 2", 1, true), output)
  end)
end)

describe("--deadline", function()
  it("ends a run as a signal does: reports, and errors for what did not run", function()
    write("waits.lua", "start = 'tcp'\ntimeout = 20\nconn:send_octets 'PRI'\nconn:recv_octets(1000000)\n")
    local status, all = json("probe", "waits.lua", "good.lua", "--mode", "prior", "--jobs", "1", "--deadline", "0.3", "--repeat", "5")
    assert.are.same({ 1, "deadline", false, 2 }, { status, all.interrupted, all.complete, all.summary.error })
    for _, result in ipairs(all.results) do
      assert.are.equal("not run: the deadline of the whole run came first (--deadline 0.3)", result.observed)
    end
    assert.is_true(all.seconds < 10)
  end)

  it("that does not come is not seen", function()
    local status, all = json("probe", "good.lua", "--mode", "prior", "--deadline", "20")
    assert.are.same({ 0, true }, { status, all.complete })
    assert.is_nil(all.interrupted)
    assert.is_true(all.seconds < 10)
  end)
end)

describe("--rerun-failed", function()
  it("runs only what did not pass", function()
    assert.are.equal(1, (run("probe", "good.lua", "bad.lua", "--mode", "prior", "--report", "json=first.json")))
    local status, all = json("probe", "good.lua", "bad.lua", "--rerun-failed", "first.json")
    assert.are.equal(1, status)
    assert.are.equal(1, #all.results)
    assert.are.same({ "probe/bad", "prior" }, { all.results[1].id, all.results[1].mode })
    write("bad.lua", PASSES)
    assert.are.equal(0, (run("probe", "good.lua", "bad.lua", "--rerun-failed", "first.json", "--report", "json=second.json")))
    local output
    status, output = run("probe", "good.lua", "bad.lua", "--rerun-failed", "second.json")
    assert.are.equal(0, status)
    assert.is_truthy(output:find("Nothing was to run: everything passed in second.json", 1, true), output)
  end)

  it("refuses a file that is none", function()
    local status, output, errors = run("run", "--rerun-failed", "good.lua")
    assert.are.same({ 2, "" }, { status, output })
    assert.are.equal("h2probe: --rerun-failed: good.lua: it is no result file of h2probe (--report json=FILE writes one)\n", errors)
  end)
end)

describe("a selection", function()
  it("by --only, --exclude and --level", function()
    local _, all = json("run", "http2", "--mode", "prior", "--only", "http2/ping", "--only", "http2/goaway", "--exclude", "http2/goaway",
      "--level", "SHOULD")
    assert.is_true(#all.results > 3)
    for _, result in ipairs(all.results) do
      assert.is_truthy(result.id:find "^http2/ping/" and result.level ~= "MAY", result.id)
    end
  end)

  it("by a profile skips what that does not ask for", function()
    local _, all = json("run", "messages/values", "--mode", "prior", "--profile", "rfc7540")
    assert.are.equal("rfc7540", all.profile)
    assert.is_true(all.summary.skip >= 2 and all.summary.pass > 2)
    for _, result in ipairs(all.results) do
      assert.is_truthy(result.verdict ~= "skip" or result.observed:find("RFC 7540 does not ask for it", 1, true))
    end
  end)
end)

describe("the settings file", function()
  it("of the working directory is used and named", function()
    write("h2probe.lua", "mode = 'prior'\nexclude = { 'http2/ping/answered' }\nreports = { 'console', 'json=all.json' }\n")
    local status, output = run("run", "http2/ping")
    assert.are.equal(0, status)
    assert.is_truthy(output:find("settings h2probe.lua", 1, true), output)
    local all = dkjson.decode(slurp "all.json")
    assert.are.equal("h2probe.lua", all.settings_file)
    for _, result in ipairs(all.results) do
      assert.is_true(result.mode == "prior" and result.id ~= "http2/ping/answered")
    end
    local _, free = json("run", "http2/ping/answered", "--no-config")
    assert.are.equal(3, #free.results)
    assert.is_nil(free.settings_file)
  end)

  it("gives way to the command line", function()
    write("other.lua", "return { mode = 'prior', fail_fast = true }")
    local _, all = json("run", "http2/ping/answered", "--config", "other.lua", "--mode", "alpn")
    assert.are.same({ 1, "alpn", "other.lua" }, { #all.results, all.results[1].mode, all.settings_file })
  end)

  it("with a mistake ends the run before it begins, with file and line", function()
    for text, message in pairs { ["\ntimeuot = 3"] = "h2probe.lua:2: unknown setting 'timeuot' (did you mean 'timeout'?)",
      ["reports = 'jnit'"] = "h2probe.lua:1: reports: there is no format 'jnit': did you mean 'junit'?",
      ["while true do end"] = "h2probe.lua: it passed its limit of instructions while it was loaded",
      ["local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end"] = "h2probe.lua: it passed its limit of memory while it was loaded",
      ["\ncacert = '/nonexistent'\nurl = 'https://127.0.0.1:1/'"] = "h2probe.lua:2: cacert: /nonexistent: No such file or directory" } do
      write("h2probe.lua", text)
      local status, output, errors = run "run"
      assert.are.same({ 2, "", "h2probe: " .. message .. "\n" }, { status, output, errors })
    end
  end)
end)
