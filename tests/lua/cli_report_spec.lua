-- Reports as a user gets them: stored results, files that cannot be written, output that nobody reads, GitHub Actions.
local dkjson = require "dkjson"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"
local LIMIT <const> = 60
-- What a CI system that runs these tests says of itself is not for the program.
local CLEAN <const> = "env -u GITHUB_ACTIONS -u GITHUB_STEP_SUMMARY"

local directory

local function path_of(name)
  return directory .. "/" .. name
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

local function write(name, text)
  local file = assert(io.open(path_of(name), "wb"))
  file:write(text)
  file:close()
  return path_of(name)
end

-- A command line of the shell, in which % is the program and @ the directory: status, standard output, standard error.
local function shell(line, environment)
  line = line:gsub("%s*\n%s*", " "):gsub("[%%@]", { ["%"] = PROGRAM, ["@"] = directory })
  local command = ("%s %s timeout -k 1 %d sh -c '%s' >%s 2>%s </dev/null"):format(CLEAN, environment or "", LIMIT, line,
    path_of ".out", path_of ".err")
  local _, how, status = os.execute(command)
  assert.are.equal("exit", how)
  return status, slurp(path_of ".out"), slurp(path_of ".err")
end

local function listing()
  local pipe = io.popen("ls " .. directory)
  local text = pipe:read "a"
  pipe:close()
  return text
end

setup(function()
  directory = os.tmpname()
  os.remove(directory)
  assert(os.execute("mkdir " .. directory))
end)

teardown(function()
  os.execute("rm -r " .. directory)
end)

-- Results of a run against a server with a violation, and of one against a sound one.
local function results_of(name, words)
  local status, _, errors = shell(("%% run %s --report json=@/%s.json --report ndjson=@/%s.ndjson -q"):format(words, name, name))
  assert.are.equal("", errors)
  return status, slurp(path_of(name .. ".json")), slurp(path_of(name .. ".ndjson"))
end

describe("h2probe report", function()
  it("writes the same reports as the run, from JSON and from NDJSON", function()
    assert.are.equal(0, (shell [[% run http2/ping --report junit=@/run.xml --report tap=@/run.tap --report json=@/run.json
      --report ndjson=@/run.ndjson --report markdown=@/run.md --report ctrf=@/run.ctrf >@/run.txt]]))
    for _, source in ipairs { "run.json", "run.ndjson" } do
      local status, output, errors = shell(([[%% report @/%s --report junit=@/a.xml --report tap=@/a.tap --report json=@/a.json
        --report markdown=@/a.md --report ctrf=@/a.ctrf]]):format(source))
      assert.are.equal(0, status, errors)
      assert.are.equal(slurp(path_of "run.txt"), output)
      for _, extension in ipairs { "xml", "tap", "json", "md", "ctrf" } do
        assert.are.equal(slurp(path_of("run." .. extension)), slurp(path_of("a." .. extension)), source .. " " .. extension)
      end
    end
  end)

  it("reads standard input", function()
    results_of("one", "http2/ping")
    local status, output = shell "% report - -q <@/one.json"
    assert.are.same({ 0, "Passed (exit status 0).\n" }, { status, output })
  end)

  it("merges, and gates by what is merged", function()
    results_of("ping", "http2/ping --mode prior")
    results_of("settings", "http2/settings --mode prior")
    local status, output = shell "% report @/settings.json @/ping.ndjson --report json"
    assert.are.equal(0, status)
    local all = dkjson.decode(output)
    assert.are.equal(all.summary.total, all.summary.pass)
    local a, b = dkjson.decode(slurp(path_of "ping.json")), dkjson.decode(slurp(path_of "settings.json"))
    assert.are.equal(#a.results + #b.results, #all.results)
    local ping = slurp(path_of "ping.json"):gsub('"verdict":"pass"', '"verdict":"fail"', 1)
    write("bad.json", ping)
    status = shell "% report @/ping.json @/bad.json -q"
    assert.are.equal(1, status)
  end)

  it("says which shard is missing", function()
    local _, text = results_of("shard", "http2/ping --mode prior")
    write("shard.json", (text:gsub('"target"', '"shard":{"index":2,"total":3},"target"', 1)))
    local status, output, errors = shell "% report @/shard.json"
    assert.are.equal(1, status)
    assert.are.equal("h2probe: shard 1 of 3 is missing: its cases were not judged\n"
      .. "h2probe: shard 3 of 3 is missing: its cases were not judged\n", errors)
    assert.is_truthy(output:find("ERROR report/shard-1-of-3", 1, true))
    assert.are.equal(0, (shell "% report @/shard.json --partial"))
  end)

  it("puts servers side by side", function()
    results_of("left", "http2/ping --mode prior")
    local status, output = shell "% report nginx=@/left.json h2o=@/left.ndjson --report tap"
    assert.are.equal(0, status)
    assert.is_truthy(output:find("ok 1 - nginx/http2/ping/answered (prior)", 1, true))
    assert.is_truthy(output:find("- h2o/http2/ping/answered (prior)", 1, true))
  end)

  it("takes what a run left that was killed", function()
    local _, _, text = results_of("cut", "http2/ping --mode prior")
    write("cut.ndjson", text:sub(1, #text // 2))
    local status, output, errors = shell "% report @/cut.ndjson"
    assert.are.equal(1, status)
    assert.is_truthy(errors:find "^h2probe: [^\n]*cut.ndjson ends early, after %d+ of 11 cases: the run was cut short\n$", errors)
    assert.is_truthy(output:find("Not passed: 1 error (exit status 1).", 1, true))
  end)

  for text, mistake in pairs { ["not JSON"] = "no valid JSON value", ["{}"] = "no result file", [""] = "it is empty",
    ['{"kind":"run"}'] = "no result file" } do
    it("refuses " .. text, function()
      write("wrong.json", text)
      local status, output, errors = shell "% report @/wrong.json"
      assert.are.same({ 2, "" }, { status, output })
      assert.is_truthy(errors:find("^h2probe: [^\n]*wrong.json[^\n]*\n$"), errors)
      assert.is_truthy(errors:find(mistake, 1, true), errors)
    end)
  end

  it("refuses files that are not there", function()
    local status, _, errors = shell "% report /nonexistent/a.json"
    assert.are.same({ 2, "h2probe: /nonexistent/a.json: No such file or directory\n" }, { status, errors })
  end)
end)

describe("reports that cannot be written", function()
  it("are told before the run; the others are there, and the console knows", function()
    local status, output, errors = shell [[% run http2/ping --mode prior --report junit=/nonexistent/x.xml --report json=@/y.json
      --report tap=@/ -q]]
    assert.are.equal(6, status)
    assert.are.equal("h2probe: the report junit could not be written: /nonexistent/x.xml: No such file or directory\n"
      .. "h2probe: the report tap could not be written: " .. directory .. "/: Is a directory\n", errors)
    assert.are.equal("Passed; could not be written: junit, tap (exit status 6).\n", output)
    assert.is_truthy(dkjson.decode(slurp(path_of "y.json")))
    status, output, errors = shell "% run http://127.0.0.1:1/ --report junit=/nonexistent/x.xml"
    assert.are.same({ 3, "" }, { status, output })
    assert.are.equal(1, errors:find("h2probe: the report junit", 1, true))
  end)

  it("on a full disk", function()
    for _, format in ipairs { "json", "ndjson", "tap" } do
      local status, output, errors = shell(("%% run http2/ping --mode prior --report %s=/dev/full --report junit=@/z.xml -q"):format(format))
      assert.are.equal(6, status)
      assert.are.equal(("h2probe: the report %s could not be written: /dev/full: No space left on device\n"):format(format), errors)
      assert.are.equal(("Passed; could not be written: %s (exit status 6).\n"):format(format), output)
      assert.is_truthy(slurp(path_of "z.xml"):find("</testsuites>", 1, true))
    end
  end)

  it("to a reader that has gone", function()
    assert(os.execute("mkfifo " .. path_of "go"))
    for _, format in ipairs { "console", "json", "ndjson" } do
      -- The reader closes its end, then lets the program begin.
      local status, output, errors = shell(([[{ read go <@/go; %% run http2/ping --mode prior --report %s --report junit=@/p.xml;
        echo $? >&2; } | { exec <&-; echo go >@/go; }]]):format(format))
      assert.are.same({ 0, "" }, { status, output })
      assert.are.equal(("h2probe: the report %s could not be written: standard output: Broken pipe\n6\n"):format(format), errors)
      assert.is_truthy(slurp(path_of "p.xml"):find("</testsuites>", 1, true))
      os.remove(path_of "p.xml")
    end
  end)

  it("leave nothing behind", function()
    assert.is_nil(listing():find ".tmp", listing())
  end)
end)

describe("ndjson to a file", function()
  it("has the rounds in their order, and replaces what was there", function()
    write("live.ndjson", "old\n")
    local probe = write("look.lua", "check(false, 'one', 'two')")
    assert.are.equal(1, (shell("% probe " .. probe .. " --mode prior --repeat 2 --report ndjson=@/live.ndjson -q")))
    local kinds = {}
    for line in slurp(path_of "live.ndjson"):gmatch "[^\n]+" do
      local value = assert(dkjson.decode(line))
      kinds[#kinds + 1] = value.kind .. (value.round or "")
    end
    -- Of two alike the first is kept, and told once more: the last line of a case is its result.
    assert.are.same({ "run", "result1", "result2", "result", "end" }, kinds)
  end)

  it("is there when the run is killed, result by result", function()
    write("quick.lua", "conn:ping()")
    write("wait.lua", "start = 'tcp'\ntimeout = 20\nconn:recv_octets(1000000)\n")
    assert(os.execute("mkfifo " .. path_of "fifo"))
    -- The reader of the FIFO kills the program as soon as the first result is there; the other probe waits for ever.
    local status = shell [[% probe @/quick.lua @/wait.lua --mode prior --report ndjson=@/fifo & pid=$!;
      head -n 2 @/fifo >@/killed.ndjson; kill -KILL $pid; wait $pid; true]]
    assert.are.equal(0, status)
    local merged, output, errors = shell "% report @/killed.ndjson"
    assert.are.equal(1, merged)
    assert.is_truthy(errors:find("ends early, after 1 of 2 cases", 1, true), errors)
    assert.is_truthy(output:find("1 passed", 1, true))
  end)
end)

describe("under GitHub Actions", function()
  local function actions(line)
    write("summary.md", "before\n")
    return shell(line, "GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=" .. path_of "summary.md")
  end

  it("a run is annotated and summarized, and no peer can give commands", function()
    local _, text = results_of("gh", "http2/ping --mode prior")
    write("gh.json", (text:gsub('"verdict":"pass"', '"verdict":"fail","observed":"::error::x ##[error]y"', 1)))
    local status, output = actions "% report @/gh.json"
    assert.are.equal(1, status)
    local token = assert(output:match "^::stop%-commands::(%x+)\n")
    assert.are.equal(32, #token)
    local quiet, loud = output:match("^[^\n]*\n(.-\n)::" .. token .. "::\n(.*)$")
    assert.is_truthy(quiet:find("##[error]y", 1, true))
    assert.is_truthy(loud:find "^::error title=h2probe%%3A http2/ping/[^\n]*\n$", loud)
    local summary = slurp(path_of "summary.md")
    assert.is_truthy(summary:find "^before\n## h2probe: ")
    assert.is_truthy(summary:find("1 failure", 1, true))
  end)

  it("annotations spoil no report for programs", function()
    local status, output, errors = actions "% report @/gh.json --report json"
    assert.are.equal(1, status)
    assert.is_truthy(dkjson.decode(output))
    assert.is_truthy(errors:find "^::error title=")
  end)

  it("can be switched off, and asked for elsewhere", function()
    local status, output = actions "% report @/gh.json --no-github -q"
    assert.are.equal(1, status)
    assert.is_nil(output:find("::", 1, true) and output:find "^::")
    assert.are.equal("before\n", slurp(path_of "summary.md"))
    status, output = shell "% report @/gh.json --report github -q"
    assert.are.equal(1, status)
    assert.is_truthy(output:find "\n::error title=")
    shell "% report @/gh.json --report github=@/gh.txt"
    assert.is_truthy(slurp(path_of "gh.txt"):find "^::error title=")
  end)

  it("the summary of a step keeps to what GitHub takes", function()
    local before = ("x"):rep(1024 * 1024 - 2000)
    write("summary.md", before)
    shell("% report @/gh.json", "GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=" .. path_of "summary.md")
    local summary = slurp(path_of "summary.md")
    assert.is_true(#summary > #before and #summary <= 1024 * 1024)
    write("summary.md", ("x"):rep(1024 * 1024 - 10))
    shell("% report @/gh.json", "GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=" .. path_of "summary.md")
    assert.are.equal(1024 * 1024 - 10, #slurp(path_of "summary.md"))
  end)
end)
