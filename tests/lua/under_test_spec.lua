-- The client under test: commands, the reference client, and what cases of the role server make of them.
local case_run = require "h2probe.case_run"
local client_preflight = require "h2probe.client_preflight"
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local rules = require "h2probe.rules"
local under_test = require "h2probe.under_test"
local verdict = require "h2probe.verdict"

local PLACE <const> = { url = "https://localhost:1/", host = "localhost", port = 1, mode = "alpn", cacert = "/tmp/a b" }

local function target(driver, mode)
  return { scheme = mode == "alpn" and "https" or "http", host = "localhost", path = "/", client = driver }
end

-- One run of a case of the role server: its record.
local function once(driver, mode, body, more)
  local case = { id = "client/spec/case", title = "a case", req = {}, modes = { mode }, role = "server", needs = {},
    start = "preface", file = "spec", run = body }
  for key, value in pairs(more or {}) do case[key] = value end
  local record
  help.run(function()
    record = case_run.once { case = case, mode = mode, target = target(driver, mode), timeout = 1, longest = 1 }
  end)
  return record
end

local function sound() return under_test.reference {} end

local function guilty(text)
  local id, way = rules.parse(text, "client")
  return under_test.reference { [assert(id, way)] = way }
end

local function sh(script)
  return under_test.command { "sh", "-c", script, "sh", "{url}", "{port}" }
end

local function succeed(conn)
  conn:send_preface()
  conn:expect_success()
end

describe("the command of a client", function()
  it("gets its values in place of names in braces", function()
    assert.same({ "get", "https://localhost:1/", "-p1", "localhost", "alpn=alpn", "/tmp/a b", "{other}", "{}", "100%" },
      under_test.substituted({ "get", "{url}", "-p{port}", "{host}", "{mode}={mode}", "{cacert}", "{other}", "{}", "100%" },
        PLACE))
  end)

  it("has them in its environment too", function()
    help.run(function()
      local driver = under_test.command { "sh", "-c", "echo $H2PROBE_URL $H2PROBE_HOST $H2PROBE_PORT $H2PROBE_MODE; exit 3" }
      local handle = assert(driver:start(PLACE))
      assert.equal(3, (handle:wait(5)))
      assert.equal("https://localhost:1/ localhost 1 alpn\n", handle:output())
      assert.equal("exit status 3: https://localhost:1/ localhost 1 alpn", handle:ending(3))
      handle:stop()
    end)
  end)

  it("that cannot be started is the way to the target", function()
    local record = once(under_test.command { "/nonexistent/client" }, "prior", succeed)
    assert.equal("error", record.verdict)
    assert.truthy(record.observed:find("/nonexistent/client", 1, true))
  end)

  it("that ends without a connection is told with what it said", function()
    local record = once(sh "echo 'no such option' >&2; exit 2", "prior", succeed)
    assert.equal("error", record.verdict)
    assert.truthy(record.observed:find("exit status 2: no such option", 1, true))
  end)

  it("that does not connect is ended", function()
    local begun = engine.now()
    local record = once(sh "sleep 30", "prior", succeed)
    assert.equal("error", record.verdict)
    assert.truthy(record.observed:find("did not connect within 1 s", 1, true), record.observed)
    assert.is_true(engine.now() - begun < 5)
  end)
end)

describe("the reference client", function()
  for _, mode in ipairs { "alpn", "upgrade", "prior" } do
    it("gets a response in mode " .. mode, function()
      local record = once(sound(), mode, succeed)
      assert.equal("pass", record.verdict, record.observed)
      assert.equal(0, #record.run.findings)
    end)
  end

  it("names the rules that it keeps", function()
    assert.is_truthy(rules.known "client"["RFC9113-3.4-13"])
    assert.is_nil(rules.known "client"["RFC9113-3.2-3"])
    assert.is_nil((rules.parse("RFC9113-3.2-3", "client")))
    assert.same({ "RFC7540-3.2-1", "two" }, { rules.parse("RFC7540-3.2-1=two", "client") })
  end)
end)

describe("conn:expect_success", function()
  it("fails for an error that the client reports", function()
    local record = once(guilty "RFC9113-4.1-2", "prior", function(conn)
      conn:send_preface()
      conn:send { type = 0xf3, stream = 0, payload = "" }
      conn:expect_success()
    end)
    assert.equal("fail", record.verdict)
    assert.equal("GOAWAY(PROTOCOL_ERROR)", record.observed)
  end)

  it("fails, silently, where no request comes", function()
    local record = once(sound(), "prior", function(conn) conn:expect_success() end)
    assert.equal("fail", record.verdict)
    assert.is_true(record.silent)
  end)

  it("fails for a client that fails after its response", function()
    local record = once(sound(), "prior", function(conn)
      conn:send_preface()
      conn:expect_success(function(_, stream) conn:respond { stream = stream, status = 500 } end)
    end)
    assert.equal("fail", record.verdict)
    assert.truthy(record.observed:find("exit status 1", 1, true))
  end)
end)

describe("conn:expect_refusal", function()
  local function ping_first(conn)
    conn:send { name = "PING", data = "too soon" }
    conn:send_preface()
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional" }
  end

  it("passes where the client reports the error", function()
    assert.equal("pass", once(sound(), "prior", ping_first).verdict)
  end)

  it("fails where the client takes the response", function()
    local record = once(guilty "RFC9113-3.4-13", "prior", ping_first)
    assert.equal("fail", record.verdict)
    assert.truthy(record.observed:find("took the response as good", 1, true))
  end)

  it("takes the end of the connection and the client's own failure", function()
    local record = once(guilty "RFC9113-5.4.1-1", "prior", ping_first)
    assert.equal("pass", record.verdict)
  end)

  it("takes RST_STREAM for malformed responses", function()
    local function without_status(conn)
      conn:send_preface()
      conn:expect_refusal { "PROTOCOL_ERROR", stream_error = true, respond = function(_, stream)
        conn:send { name = "HEADERS", stream = stream, fields = { { "server", "h2probe" } }, end_stream = true }
      end }
    end
    local record = once(sound(), "prior", without_status)
    assert.equal("pass", record.verdict, record.observed)
    assert.truthy(record.observed:find("RST_STREAM(PROTOCOL_ERROR) on stream 1", 1, true))
    record = once(guilty "RFC9113-8.3.2-2", "prior", without_status)
    assert.equal("fail", record.verdict)
    assert.truthy(record.observed:find("took the response as good", 1, true))
  end)

  it("fails, silently, where nothing comes of it", function()
    local record = once(guilty "RFC9113-6.7-2", "prior", function(conn)
      conn:send_preface { MAX_CONCURRENT_STREAMS = 0 }
      conn:expect_refusal "PROTOCOL_ERROR"
    end)
    assert.equal("fail", record.verdict)
    assert.is_true(record.silent)
  end)

  it("warns of success without anything that could be one", function()
    local record = once(guilty "RFC9113-3.4-13=text", "prior", function(conn)
      conn:send_octets "HTTP/1.1 200 OK\r\n\r\n"
      conn:half_close()
      conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional", unframed = true }
    end)
    assert.equal("warn", record.verdict)
  end)
end)

describe("conn:client_exit", function()
  it("tells status and output", function()
    local exit
    local record = once(sh "exec 3<>/dev/tcp/none; exit 1", "prior", function() end)
    assert.equal("error", record.verdict)
    record = once(sound(), "prior", function(conn)
      conn:send_preface()
      conn:expect_success()
      exit = conn:client_exit()
      if not exit.success then verdict.raise { verdict = "fail", observed = exit.text } end
    end)
    assert.equal("pass", record.verdict)
    assert.equal(0, exit.status)
    assert.equal("h2probe\n", exit.output)
  end)
end)

describe("the pre-flight of clients", function()
  local function look(driver, modes)
    local offers, message
    help.run(function()
      local targets = {}
      for _, mode in ipairs(modes) do targets[mode] = target(driver, mode) end
      local found
      found, message = client_preflight.look { targets = targets, modes = modes, timeout = 1 }
      offers = found and found.offers
    end)
    return offers, message
  end

  it("finds the modes that work", function()
    local offers = look(sound(), { "alpn", "upgrade", "prior" })
    assert.is_true(offers.alpn.offered and offers.upgrade.offered and offers.prior.offered)
  end)

  it("says why one does not", function()
    local offers = look(guilty "RFC9113-3.1-1", { "alpn", "prior" })
    assert.is_false(offers.alpn.offered)
    assert.truthy(offers.alpn.reason:find("handshake failed", 1, true))
    assert.is_true(offers.prior.offered)
    offers = look(guilty "RFC9113-3.3-1", { "upgrade", "prior" })
    assert.truthy(offers.prior.reason:find("the client starts with HTTP/1.1", 1, true))
  end)

  it("gives one line where none does", function()
    local offers, message = look(sh "echo nothing; exit 7", { "alpn", "prior" })
    assert.is_nil(offers)
    assert.truthy(message:find("exit status 7: nothing", 1, true))
  end)
end)
