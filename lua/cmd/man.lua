-- h2probe man: the manual page, as roff.
local manual = require "h2probe.manual"
local words = require "h2probe.words"

return function()
  return words.show(manual.page())
end
