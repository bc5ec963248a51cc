-- Which TLS session the next connection resumes.
local fake = dofile "tests/lua/fake_engine.lua"
local sessions = fake.modules {} "sessions"

local function giver(list, group)
  return { tls = { group = group or "x25519" }, session = function() return table.remove(list, 1) end }
end

local function taken(target)
  local entry = sessions.take(target)
  return entry and entry.session, entry
end

describe("sessions", function()
  it("are none before a connection was given one", function()
    local target = {}
    assert.is_nil(sessions.take(target))
    sessions.keep(target, giver {})
    assert.is_nil(sessions.take(target))
  end)

  it("are resumed in turn, again and again", function()
    local target, given = {}, giver { "a", "b" }
    sessions.keep(target, given)
    sessions.keep(target, given)
    local seen = {}
    for i = 1, 5 do
      local name, entry = taken(target)
      seen[i] = name
      sessions.tried(target, entry, true)
    end
    assert.are.same({ "a", "b", "a", "b", "a" }, seen)
  end)

  it("are not offered again when the server did not take them", function()
    local target, given = {}, giver { "a", "b" }
    sessions.keep(target, given)
    sessions.keep(target, given)
    local _, entry = taken(target)
    sessions.tried(target, entry, false)
    assert.are.equal("b", (taken(target)))
    assert.are.equal("b", (taken(target)))
  end)

  it("are used once, the newest first, by a server that takes each once", function()
    local target, given = {}, giver { "a", "b", "c" }
    sessions.keep(target, given)
    local _, entry = taken(target)
    sessions.tried(target, entry, true)
    _, entry = taken(target)
    sessions.tried(target, entry, false)
    sessions.keep(target, given)
    sessions.keep(target, given)
    assert.are.same({ "c", "b" }, { (taken(target)), (taken(target)) })
    assert.is_nil(sessions.take(target))
  end)

  it("are kept in a bounded number", function()
    local target, asked = {}, 0
    for _ = 1, 100 do
      sessions.keep(target, { tls = {}, session = function() asked = asked + 1 return asked end })
    end
    assert.are.equal(32, #target.sessions)
    assert.are.equal(32, asked)
    target.sessions.once = true
    sessions.keep(target, giver { "new" })
    assert.are.equal(32, #target.sessions)
    assert.are.equal("new", (taken(target)))
  end)

  it("leave the group that the target chose first, unless OpenSSL offers it first", function()
    local target = {}
    sessions.keep(target, giver { "a" })
    assert.is_nil(target.groups)
    sessions.keep(target, giver({}, "secp256r1"))
    assert.are.equal("P-256:X25519:P-384:P-521", target.groups)
    sessions.keep(target, giver({}, "secp384r1"))
    assert.are.equal("P-256:X25519:P-384:P-521", target.groups)
  end)

  it("are given up when no HTTP/2 comes of it", function()
    local target, given = {}, giver { "a", "b" }
    sessions.keep(target, given)
    sessions.take(target)
    sessions.give_up(target)
    assert.is_nil(sessions.take(target))
    sessions.keep(target, given)
    assert.is_nil(sessions.take(target))
  end)
end)
