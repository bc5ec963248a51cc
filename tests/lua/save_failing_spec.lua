-- What a run leaves behind: scripts of single cases, folders of failing ones, packet captures.
local dkjson = require "dkjson"
local engine = require "h2probe.engine"
local excerpt = require "h2probe.excerpt"
local loader = require "h2probe.loader"
local resources = require "h2probe.resources"
local saved_script = require "h2probe.saved_script"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return (file:read "a")
end

local function spit(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function in_a_task(body)
  local failure
  engine.spawn(body, { on_done = function(_, ok, message, traceback)
    failure = not ok and tostring(message) .. "\n" .. tostring(traceback) or nil
    engine.stop()
  end })
  engine.run()
  assert.is_nil(failure)
end

local function shell(command)
  local pipe = assert(io.popen(("{ %s; } 2>&1 </dev/null"):format(command), "r"))
  local output = pipe:read "a"
  local _, _, status = pipe:close()
  return status, output
end

local function h2probe(words)
  return shell(("timeout -k 1 60 %s %s"):format(PROGRAM, words))
end

local folder

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(engine.mkdir(folder))
end)

after_each(function()
  shell("rm -rf " .. folder)
end)

local function listed(path)
  local _, output = shell("ls -A " .. path)
  local names = {}
  for name in output:gmatch "[^\n]+" do
    names[#names + 1] = name
  end
  return names
end

local function results_of(path)
  local by_key = {}
  for _, result in ipairs(assert(dkjson.decode(slurp(path))).results) do
    by_key[result.id .. " " .. result.mode] = result
  end
  return by_key
end

-- A guilty reference server; its URLs.
local function with_server(violation, body)
  local pipe = assert(io.popen(("echo $$; exec %s serve --violate %s </dev/null 2>/dev/null"):format(PROGRAM, violation), "r"))
  local pid = assert(pipe:read "l")
  local clear = assert(pipe:read("l"):match "http://%S+")
  local secure = assert(pipe:read("l"):match "https://%S+")
  local ok, message = pcall(body, clear, secure)
  shell("kill " .. pid)
  pipe:close()
  assert(ok, message)
end

local SUITE <const> = [==[
-- What it is about.
suite { "s", title = "t" }

local unused, also = 1, "case { }"
local LENGTH <const> = 3
local text = [[
case { id = "not this" }]]

-- Used by one.
local function helper(conn) -- end
  if text then conn:close() end
end

local function other(conn) helper(conn) end

local function declare(given)
  given.run = other
  case(given)
end

-- About one.
case { id = "one", title = "1", req = "RFC9113-6.5-10", run = function(conn) return LENGTH, conn end }

for _, n in ipairs { 2, 3 } do
  case { id = "many-" .. n, title = "many", req = "RFC9113-6.5-10", each = { n }, run = helper }
end

local rows = {}
for i = 1, 3 do rows[i] = i end

declare { id = "declared", title = "d", req = "RFC9113-6.5-10", each = rows }
]==]

local function excerpt_of(id, line)
  local found = false
  local text = excerpt.of(SUITE, { id = "x/s/" .. id, line = line }, function(cut)
    for _, case in ipairs(loader.load { { name = "x/s.lua", text = cut } } or {}) do
      found = found or case.id == "x/s/" .. id
    end
    return found
  end)
  assert.is_true(found)
  return text
end

describe("an excerpt of a suite", function()
  it("holds one case and what it names", function()
    in_a_task(function()
      assert.are.equal('-- What it is about.\nsuite { "s", title = "t" }\n\nlocal LENGTH <const> = 3\n\n-- About one.\n'
        .. 'case { id = "one", title = "1", req = "RFC9113-6.5-10", run = function(conn) return LENGTH, conn end }\n\n'
        .. "local rows = {}\n\nfor i = 1, 3 do rows[i] = i end\n",
        excerpt_of("one", 23))
      local many = excerpt_of("many-3", 26)
      assert.matches("helper", many)
      assert.not_matches("unused", many)
      assert.not_matches('id = "one"', many)
      assert.not_matches("declare", many)
      local declared = excerpt_of("declared", 19)
      assert.matches("local function other", declared)
      assert.not_matches("many", declared)
      assert.matches("rows%[i%] = i", declared)
    end)
  end)

  it("is the whole where the cut would lose the case", function()
    assert.are.equal(SUITE, excerpt.of(SUITE, { id = "x/s/one", line = 1 }, function() return false end))
  end)

  it("leaves its suite out", function()
    assert.are.equal("local a = 1\n\ncase { }\n", excerpt.without_suite 'suite { "s", title = "}" }\nlocal a = 1\ncase { }\n')
  end)
end)

describe("a saved script", function()
  it("of every case passes where the case does", function()
    local passes = {}
    in_a_task(function()
      for _, case in ipairs(assert(loader.all())) do
        if case.role == "client" then
          local path = ("%s/%s.lua"):format(folder, case.id:gsub("/", "."))
          passes[path] = 0
          spit(path, (saved_script.of(case, "prior", { verdict = "fail", req = case.req, level = case.level },
            case.each and #case.each or 1)))
        end
      end
    end)
    local report = folder .. "/results.json"
    local status, output = h2probe(("probe %s/*.lua --mode all --report json=%s"):format(folder, report))
    assert.are.equal(0, status, output)
    for _, result in pairs(results_of(report)) do
      local path = result.location:match "^(.*):1$"
      passes[path] = passes[path] + (result.verdict == "pass" and 1 or 0)
    end
    for path, count in pairs(passes) do
      assert.is_true(count > 0, path)
    end
  end)

  it("of a client's case is a suite of one case, that of a probe the probe", function()
    in_a_task(function()
      for _, case in ipairs(assert(loader.load { { name = "suites/client/preface.lua",
        text = assert(resources.read "suites/client/preface.lua") } })) do
        local text, name = saved_script.of(case, "prior", { verdict = "fail", req = case.req })
        assert.are.equal("suite.lua", name)
        local again = assert(loader.load { { name = "suites/client/preface.lua", text = text } })
        assert.are.equal(1, #again)
        assert.are.equal(case.id, again[1].id)
      end
      local text, name = saved_script.of({ probe = true, text = "conn:ping()" }, "prior", {})
      assert.are.same({ "conn:ping()", "probe.lua" }, { text, name })
    end)
  end)
end)

describe("--save-failing and --pcapng", function()
  it("keep what failed, and only that", function()
    with_server("RFC9113-6.5-10", function(clear, secure)
      for mode, url in pairs { prior = clear, upgrade = clear, alpn = secure } do
        local place, capture = folder .. "/" .. mode, folder .. "/" .. mode .. ".pcapng"
        local status = h2probe(("run %s http2/settings/length-3 http2/ping --mode %s --insecure --save-failing %s/deep/ --pcapng %s")
          :format(url, mode, place, capture))
        assert.are.equal(1, status)
        assert.are.same({ "http2.settings.length-3." .. mode }, listed(place .. "/deep"))
        local case = ("%s/deep/http2.settings.length-3.%s"):format(place, mode)
        assert.are.same({ "capture.pcapng", "command.txt", "probe.lua", "transcript.txt" }, listed(case))
        assert.matches("^FAIL http2/settings/length%-3 %(" .. mode, slurp(case .. "/transcript.txt"))
        assert.matches("> .*SETTINGS stream 0 %(3 octets%)", slurp(case .. "/transcript.txt"))
        local line = slurp(case .. "/command.txt"):match "script.-\nh2probe ([^\n]+)"
        status = h2probe(line .. " --report json=" .. case .. "/again.json")
        assert.are.equal(1, status)
        local again = results_of(case .. "/again.json")["probe/probe " .. mode]
        assert.are.equal("fail", again.verdict)
        assert.matches("no error came", again.observed)
        for _, file in ipairs { capture, case .. "/capture.pcapng" } do
          local octets = slurp(file)
          assert.are.equal("\n\r\r\n", octets:sub(1, 4))
          assert.matches("http2/settings/length%-3 %(" .. mode, octets)
          assert.not_matches("http2/ping", octets)
          assert.are.equal(mode == "alpn", octets:find("CLIENT_TRAFFIC_SECRET_0 ", 1, true) ~= nil)
        end
      end
    end)
  end)

  it("keep all with --pcapng-all", function()
    local capture = folder .. "/all.pcapng"
    assert.are.equal(0, (h2probe("run http2/ping --mode prior --pcapng-all --pcapng " .. capture)))
    assert.matches("http2/ping/", slurp(capture))
    assert.are.equal(0, (h2probe("run http2/ping --mode prior --pcapng " .. capture)))
    assert.not_matches("http2/ping/", slurp(capture))
    assert.are.same({ "all.pcapng" }, listed(folder))
  end)

  it("are read by Wireshark", function()
    if shell "command -v tshark" ~= 0 then
      return pending "tshark is not installed"
    end
    local capture = folder .. "/all.pcapng"
    assert.are.equal(0, (h2probe("run http2/settings --mode all --pcapng-all --pcapng " .. capture)))
    local _, names = shell(("tshark -n -r %s -Y 'http2.type == 4' -T fields -e frame.interface_name | sort -u"):format(capture))
    for _, mode in ipairs { "alpn", "upgrade", "prior" } do
      assert.matches("http2/settings/one%-ack%-each %(" .. mode, names)
    end
    local _, wrong = shell(("tshark -n -r %s -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y %s 2>/dev/null"):format(capture,
      "'tcp.checksum.status == 0 or ip.checksum.status == 0 or (tcp.analysis.flags and not tcp.analysis.reused_ports)'"))
    assert.are.equal("", wrong)
  end)

  it("end with the run, also where it is interrupted or has no target", function()
    local capture = folder .. "/part.pcapng"
    local status = shell(("timeout -s INT -k 5 2 %s run --repeat 1000 --pcapng-all --pcapng %s --report junit=/dev/null"):format(PROGRAM,
      capture))
    assert.is_true(status ~= 0)
    assert.are.equal("\n\r\r\n", slurp(capture):sub(1, 4))
    assert.are.same({ "part.pcapng" }, listed(folder))
    status = h2probe(("run http://127.0.0.1:1 --pcapng %s/none.pcapng"):format(folder))
    assert.are.equal(3, status)
    assert.are.same({ "part.pcapng" }, listed(folder))
  end)

  it("say at once where they cannot write", function()
    spit(folder .. "/file", "")
    for words, text in pairs {
      ["--save-failing %s/file"] = "h2probe: --save-failing: %s/file: Not a directory\n",
      ["--save-failing %s/file/x"] = "h2probe: --save-failing: %s/file: Not a directory\n",
      ["--pcapng %s/none/x"] = "h2probe: --pcapng: %s/none/x: No such file or directory\n",
    } do
      local status, output = h2probe("run http2/ping " .. words:format(folder))
      assert.are.equal(6, status)
      assert.are.equal(text:format(folder), output)
    end
    local status, output = h2probe "run --save-failing ''"
    assert.are.equal(2, status)
    assert.are.equal("h2probe: --save-failing: an empty name (h2probe --help)\n", output)
    status, output = h2probe "run --pcapng-all"
    assert.are.equal(2, status)
    assert.are.equal("h2probe: --pcapng-all needs --pcapng FILE\n", output)
  end)

  it("tell when the disk is full", function()
    local status, output = h2probe "run http2/ping --mode prior --pcapng-all --pcapng /dev/full"
    assert.are.equal(6, status)
    assert.matches("h2probe: %-%-pcapng: /dev/full: No space left on device", output)
  end)
end)
