-- The object that scripts see as `conn` (docs/scripting.md): the core, both halves, HTTP/1.1, and expect.
local Conn = require "h2probe.conn_core"
local client = require "h2probe.conn_client"
local expect = require "h2probe.expect"
local http1 = require "h2probe.conn_http1"
local judge = require "h2probe.conn_judge"
local query = require "h2probe.conn_query"
local server = require "h2probe.conn_server"
local transport = require "h2probe.conn_transport"

for _, part in ipairs { transport, query, client, http1, server, judge } do
  for name, method in pairs(part.methods) do
    Conn[name] = method
  end
end

--- Waits for evidence; ends the case unless the outcome is one that is allowed (lua/outcome.lua decides which).
function Conn:expect(outcome)
  expect.run(self, outcome)
end

return Conn
