-- h2probe client and h2probe fetch as a user runs them: statuses, messages, reports. Real processes, loopback only.
local dkjson = require "dkjson"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"
local LIMIT <const> = 60 -- seconds that a run may take at most

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function slurp(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- Runs the program with words: status, standard output, standard error.
local function run(...)
  local words = { "timeout", "-k", "1", tostring(LIMIT), PROGRAM }
  for _, word in ipairs { ... } do words[#words + 1] = quoted(word) end
  local out, err = os.tmpname(), os.tmpname()
  local _, how, status = os.execute(table.concat(words, " ") .. (" >%s 2>%s </dev/null"):format(out, err))
  assert.equal("exit", how)
  local output, errors = slurp(out), slurp(err)
  os.remove(out)
  os.remove(err)
  return status, output, errors
end

local FETCH <const> = { "--", PROGRAM, "fetch", "--mode", "{mode}", "--cacert", "{cacert}" }

-- Runs the suites against the reference client: status, results by id and mode, standard error.
local function test_client(options, violate)
  local path = os.tmpname()
  local words = { "client", "--report", "json=" .. path, table.unpack(options) }
  table.move(FETCH, 1, #FETCH, #words + 1, words)
  if violate then table.move({ "--violate", violate }, 1, 2, #words + 1, words) end
  words[#words + 1] = "{url}"
  local status, _, errors = run(table.unpack(words))
  local all = dkjson.decode(slurp(path)) or { results = {} }
  os.remove(path)
  local by = {}
  for _, result in ipairs(all.results) do by[result.id .. " " .. result.mode] = result end
  return status, by, errors, all
end

describe("h2probe client", function()
  it("passes the reference client in all modes", function()
    local status, _, _, all = test_client {}
    assert.equal(0, status)
    assert.is_true(all.summary.pass > 100)
    assert.equal(3, #all.modes)
    for _, result in ipairs(all.results) do
      assert.truthy(result.verdict == "pass" or result.verdict == "skip", result.id .. ": " .. tostring(result.observed))
    end
  end)

  it("catches a guilty one, and tells how to run that again", function()
    local status, by = test_client({ "client/preface", "--mode", "prior" }, "RFC9113-3.4-13")
    assert.equal(1, status)
    local result = by["client/preface/first-frame prior"]
    assert.equal("fail", result.verdict)
    assert.truthy(result.command:find("h2probe client client/preface/first-frame --mode prior -- ", 1, true))
    assert.truthy(result.command:find("--violate RFC9113-3.4-13 {url}", 1, true))
  end)

  it("skips with the reason what the client does not do", function()
    local status, by = test_client({ "client/alpn/h2", "client/preface/magic" }, "RFC9113-3.3-1")
    assert.equal(0, status)
    assert.equal("skip", by["client/preface/magic prior"].verdict)
    assert.truthy(by["client/preface/magic prior"].observed:find "the client starts with HTTP/1.1")
    assert.equal("pass", by["client/preface/magic alpn"].verdict)
  end)

  it("ends with 3 and one line for a client that does not work", function()
    local status, _, errors = run("client", "--mode", "prior", "--", "sh", "-c", "echo out of order >&2; exit 9")
    assert.equal(3, status)
    assert.equal("h2probe: the client does not get through to a sound server: prior: the client ended without a "
      .. "connection: exit status 9: out of order\n", errors)
  end)

  it("needs a command, and cases that test clients", function()
    local status, _, errors = run("client", "client/alpn")
    assert.equal(2, status)
    assert.truthy(errors:find("the command is missing", 1, true))
    status, _, errors = run("client", "http2", "--", "true")
    assert.equal(5, status)
    assert.truthy(errors:find("these cases test servers", 1, true))
    status, _, errors = run("client", "https://localhost/", "--", "true")
    assert.equal(2, status)
    assert.truthy(errors:find("client takes no URL", 1, true))
    status, _, errors = run("client", "--cert", "/nonexistent", "--", "true")
    assert.equal(2, status)
    assert.truthy(errors:find("--cert and --key go together", 1, true))
  end)

  it("leaves no file and no process behind when it is interrupted", function()
    local directory = os.tmpname()
    os.remove(directory)
    assert.is_true(os.execute("mkdir " .. directory))
    local marker = ("%d.%d"):format(os.time() % 100000 + 100000, math.random(1000, 9999))
    os.execute(("TMPDIR=%s timeout -s INT 1 %s client -- sleep %s >/dev/null 2>&1"):format(directory, PROGRAM, marker))
    local listing = io.popen(("ls -A %s; ps -eo args | grep '[s]leep %s'"):format(directory, marker))
    assert.equal("", listing:read "a")
    listing:close()
    os.execute("rmdir " .. directory)
  end)
end)

describe("h2probe fetch", function()
  local function server()
    local pipe = assert(io.popen("echo $$; exec " .. PROGRAM .. " serve </dev/null 2>/dev/null", "r"))
    local pid = pipe:read "l"
    local clear, tls = pipe:read("l"):match "http://[%d.]+:%d+", pipe:read("l"):match "https://[%d.]+:%d+"
    return clear, tls, function()
      os.execute("kill " .. pid)
      pipe:close()
    end
  end

  it("gets a URL in all three modes", function()
    local clear, tls, stop = server()
    for mode, at in pairs { alpn = tls, upgrade = clear, prior = clear } do
      local status, output = run("fetch", "-k", "--mode", mode, at .. "/")
      assert.equal(0, status, mode)
      assert.truthy(#output > 0)
    end
    local status, output, errors = run("fetch", tls .. "/")
    assert.equal(1, status)
    assert.equal("", output)
    assert.truthy(errors:find("does not verify", 1, true))
    assert.equal(1, (run("fetch", clear .. "/nothing-here")))
    stop()
  end)

  it("tells what is wrong with its words", function()
    assert.equal(2, (run("fetch", "gopher://localhost/")))
    assert.equal(2, (run("fetch", "--mode", "alpn", "http://localhost:1/")))
    local status, _, errors = run("fetch", "--violate", "RFC9113-3.2-3", "http://localhost:1/")
    assert.equal(2, status)
    assert.truthy(errors:find("the reference client has no place where it keeps", 1, true))
    assert.equal(1, (run("fetch", "http://127.0.0.1:1/")))
  end)
end)
