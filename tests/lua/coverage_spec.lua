-- What counts as judged, for servers and for clients; and what is said of rows that nobody accounts for.
local coverage = require "h2probe.coverage"

local function row(id, role, observable)
  return { id = id, role = role, observable = observable or "yes", level = "MUST" }
end

local ROWS = {
  row("RFC9113-3.2-1", "server"), row("RFC9113-3.2-2", "both"), row("RFC9113-3.2-3", "client"), row("RFC9113-3.2-4", "server", "no"),
  row("RFC9113-31.2-1", "server"), row("RFC9113-6.5-1", "both"), row("RFC9110-7.8-2", "server"),
}
for _, each in ipairs(ROWS) do
  ROWS[each.id] = each
end

local CASES = {
  { id = "client/alpn/x", role = "server", req = { "RFC9113-3.2-1", "RFC9113-6.5-1" } },
  { id = "alpn/x", role = "client", req = { "RFC9113-3.2-3" } },
}

local function side(peer)
  for _, given in ipairs(coverage.SIDES) do
    if given.peer == peer then
      return coverage.side(given, CASES, ROWS)
    end
  end
end

local function ids(rows)
  local list = {}
  for _, each in ipairs(rows) do
    list[#list + 1] = each.id
  end
  return table.concat(list, " ")
end

local function problems_of(of, reasons)
  local problems = {}
  coverage.read_reasons(of, ROWS, "id\treason\n" .. reasons, problems)
  coverage.find_orphans(of, problems)
  return table.concat(problems, "\n")
end

describe("coverage", function()
  it("asks of tests of clients what they can see of negotiation", function()
    local clients = side "clients"
    assert.equal("RFC9113-3.2-1 RFC9113-3.2-2 RFC9110-7.8-2", ids(clients.rows))
    assert.equal("RFC9113-6.5-1", ids(clients.beyond))
    assert.same({ "client/alpn/x" }, clients.by_id["RFC9113-3.2-1"])
    assert.is_nil(clients.by_id["RFC9113-3.2-3"]) -- a test of servers judges that
  end)

  it("asks of tests of servers all that they can see", function()
    local servers = side "servers"
    assert.equal("RFC9113-3.2-2 RFC9113-3.2-3 RFC9113-6.5-1", ids(servers.rows))
    assert.equal("", ids(servers.beyond))
  end)

  it("names rows without a judge and without a reason", function()
    local text = problems_of(side "clients", "RFC9113-3.2-2\tcannot be brought about\n")
    assert.equal("RFC9110-7.8-2: no case for clients, no rule of the watchman, no reason in suites/uncovered_clients.tsv", text)
  end)

  it("counts the watchman's rules of the same side only", function()
    assert.same({ "watch/RFC9113-3.4-2" }, side("clients").by_id["RFC9113-3.4-2"])
    assert.is_nil(side("servers").by_id["RFC9113-3.4-2"])
  end)

  local WRONG = {
    { "RFC9113-3.2-1\twhy", "it is judged, by client/alpn/x" },
    { "RFC9999-1-1\twhy", "there is no such requirement" },
    { "RFC9113-3.2-3\twhy", "no test of clients has to judge it" },
    { "RFC9113-6.5-1\twhy", "no test of clients has to judge it" },
    { "RFC9113-3.2-2\t", "a second reason, or none" },
    { "RFC9113-3.2-2\twhy\nRFC9113-3.2-2\tand why", "a second reason, or none" },
    { "RFC9113-3.2-2\tsee RFC9110-7.8-2", "nothing judges RFC9110-7.8-2" },
    { "RFC9113-3.2-2", "1 columns instead of 2" },
  }
  for _, case in ipairs(WRONG) do
    it("refuses the reason " .. case[1]:gsub("%c", " "), function()
      assert.truthy(problems_of(side "clients", case[1] .. "\n"):find(case[2], 1, true))
    end)
  end

  it("takes a restatement of what is judged", function()
    local text = problems_of(side "clients", "RFC9113-3.2-2\tsee RFC9113-3.2-1\nRFC9110-7.8-2\twhy\n")
    assert.equal("", text)
  end)
end)
