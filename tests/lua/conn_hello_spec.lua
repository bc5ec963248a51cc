-- Hello messages of TLS, looked into and changed (RFC 8446 sections 4.1, 4.2, 4.3.1, 5.1; RFC 7301 section 3.1).
local hello = require "h2probe.conn_hello"

local ALPN, SNI, PSK = 16, 0, 41
local LIST = "\0\12\2h2\8http/1.1"

local function client_hello(extensions)
  return hello.build { type = 1, parts = { "\3\3" .. ("r"):rep(32), "session", "\19\1\19\2", "\0" },
    extensions = extensions or { { SNI, "name" }, { ALPN, LIST }, { PSK, "binder" } } }
end

local function server_hello(extensions)
  return hello.build { type = 2, parts = { "\3\3" .. ("r"):rep(32), "", "\19\1", 1 }, extensions = extensions }
end

local function record(message)
  return string.pack(">BI2s2", 22, 0x0301, message)
end

local function numbers(message)
  local list = {}
  for position, extension in ipairs(message.extensions) do
    list[position] = extension[1]
  end
  return list
end

local function after_set(number, contents, extensions)
  local message = hello.parse(client_hello(extensions))
  hello.set(message, number, contents)
  return message
end

describe("a hello message", function()
  it("is read and built again octet by octet", function()
    local encrypted = hello.build { type = 8, parts = {}, extensions = { { ALPN, "\0\3\2h2" } } }
    for _, octets in ipairs { client_hello(), client_hello {}, server_hello { { ALPN, "x" } }, encrypted } do
      local message = assert(hello.parse(octets))
      assert.equal(octets, hello.build(message))
      assert.equal("", message.rest)
    end
    assert.equal("more", hello.parse(client_hello() .. "more").rest)
  end)

  it("of any other octets is none, and raises nothing", function()
    local octets = client_hello()
    for length = 0, #octets - 1 do
      assert.is_nil(hello.parse(octets:sub(1, length)))
    end
    assert.is_nil(hello.parse "\11\0\0\0")
    math.randomseed(7)
    for _ = 1, 3000 do
      local at = math.random(#octets)
      local message = hello.parse(octets:sub(1, at - 1) .. string.char(math.random(0, 255)) .. octets:sub(at + 1))
      assert.is_true(message == nil or #hello.build(message) > 0)
    end
  end)

  it("of a server is read when somebody asks, or when nothing was selected", function()
    local answer = server_hello { { ALPN, "\0\3\2h2" } }
    local info = hello.explain { done = true, alpn = "h2", server_hello = answer }
    assert.equal("h2", info.selected)
    assert.is_nil(rawget(info, "answers"))
    assert.same({ "h2" }, info.answers[1].names)
    assert.equal(1, info.compression)
    info = hello.explain { done = false, server_hello = answer }
    assert.equal("h2", info.selected)
    assert.is_nil(hello.explain({ done = true, server_hello = server_hello {} }).selected)
  end)

  it("may end without extensions", function()
    local bare = string.pack(">Bs3", 1, "\3\3" .. ("r"):rep(32) .. "\0" .. "\0\2\0\47" .. "\1\0")
    assert.same({}, hello.parse(bare).extensions)
    assert.is_nil(hello.parse(string.pack(">Bs3", 1, bare:sub(5) .. "\0")))
  end)

  it("gets other extensions", function()
    assert.same({ "new" }, hello.get(after_set(ALPN, { "new" }), ALPN))
    assert.same({ SNI, ALPN, PSK }, numbers(after_set(ALPN, { "new" })))
    assert.same({ SNI, PSK }, numbers(after_set(ALPN, {})))
    assert.same({ "a", "b" }, hello.get(after_set(ALPN, { "a", "b" }), ALPN))
    assert.same({ SNI, ALPN, ALPN, PSK }, numbers(after_set(ALPN, { "a", "b" })))
    assert.same({ SNI, ALPN, 99, 99, PSK }, numbers(after_set(99, { "a", "b" })))
    assert.same({ SNI, 99, 99 }, numbers(after_set(99, { "a", "b" }, { { SNI, "" } })))
    assert.same({ SNI, ALPN }, numbers(after_set(ALPN, { "one" }, { { SNI, "" }, { ALPN, "" }, { ALPN, "" } })))
  end)
end)

describe("a flight", function()
  it("is changed in its first message alone", function()
    local flight = record(client_hello() .. "next") .. "\20\3\3\0\1\1"
    local changed = hello.change(flight, function(message) hello.set(message, ALPN, { "" }) end)
    local _, _, fragment, after = string.unpack(">BI2s2", changed)
    assert.same({ "" }, hello.get(hello.parse(fragment), ALPN))
    assert.equal("next", hello.parse(fragment).rest)
    assert.equal("\20\3\3\0\1\1", changed:sub(after))
    for _, other in ipairs { "", "\22\3\1", "\21\3\3\0\2\2\50", record "\11\0\0\0" } do
      assert.is_nil(hello.change(other, error))
    end
  end)

  it("is cut into records", function()
    local flight = record(client_hello()) .. "rest"
    for _, n in ipairs { 1, 7, 100, 10000 } do
      local whole, at, cut = "", 1, hello.fragmented(flight, n)
      while cut:byte(at) == 22 do
        local fragment
        _, _, fragment, at = string.unpack(">BI2s2", cut, at)
        assert.is_true(#fragment <= n and #fragment > 0)
        whole = whole .. fragment
      end
      assert.equal(client_hello(), whole)
      assert.equal("rest", cut:sub(at))
    end
  end)

  it("is rewritten as the options of start_tls say", function()
    local flight = record(client_hello())
    local function rewritten(options)
      local rewrite, forged = hello.rewriter(options)
      return rewrite and hello.parse(rewrite(flight):sub(6)), forged
    end
    assert.same({ nil, false }, { hello.rewriter {} })
    local message, forged = rewritten { extensions = { alpn = "x", server_name = false, [77] = { "a", "b" } } }
    assert.is_true(forged)
    assert.same({ { "x" }, {}, { "a", "b" } }, { hello.get(message, ALPN), hello.get(message, SNI), hello.get(message, 77) })
    message, forged = rewritten { compression = "\1\0" }
    assert.same({ "\1\0", true }, { message.parts[4], forged })
    local rewrite
    rewrite, forged = hello.rewriter { fragment = 10 }
    assert.is_false(forged)
    assert.is_true(#rewrite(flight) > #flight)
    assert.has_error(function() hello.rewriter { extensions = { nonsense = "" } } end)
  end)
end)

describe("the answer of a server", function()
  it("is found in each message", function()
    local sound = "\0\3\2h2"
    local function explained(first, second)
      return hello.explain { server_hello = first and server_hello(first),
        encrypted_extensions = second and hello.build { type = 8, parts = {}, extensions = second } }
    end
    local info = explained({ { ALPN, sound } })
    assert.same({ { message = "ServerHello", octets = sound, names = { "h2" }, misplaced = false } }, info.answers)
    assert.same({ "h2", 1 }, { info.selected, info.compression })
    info = explained({ { 43, "\3\4" } }, { { ALPN, sound } })
    assert.same({ "EncryptedExtensions", false }, { info.answers[1].message, info.answers[1].misplaced })
    info = explained({ { 43, "\3\4" }, { ALPN, sound } }, {})
    assert.is_true(info.answers[1].misplaced)
    assert.equal(2, #explained({ { ALPN, sound }, { ALPN, sound } }).answers)
    assert.same({}, explained().answers)
    assert.same({}, hello.explain({ server_hello = "\2\0\0\1x" }).answers)
    assert.is_nil(explained({ { ALPN, "\0\9\2h2" } }).selected)
  end)

  it("is a list of names only if every length is right", function()
    assert.same({ "h2", "http/1.1" }, hello.names(LIST))
    assert.same({ "" }, hello.names "\0\1\0")
    for _, octets in ipairs { "", "\0", "\0\0", "\0\4\2h2", "\0\2\2h2", "\0\3\5h2", "\0\3\2h2x" } do
      assert.is_nil(hello.names(octets))
    end
  end)
end)

