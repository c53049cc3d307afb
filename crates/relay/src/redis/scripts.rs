//! The steps that Redis takes, each as one script.
//!
//! A stream is three keys that share a hash tag, and so a slot of a cluster: a hash with its state,
//! a Redis stream with its entries, whose IDs are their numbers, and a key that lives as long as
//! the lease. The state decides, and the entries and the state change in one script, so that the
//! append-only file has both or neither.
//!
//! The clock is that of Redis: no machine's own clock counts.

/// Keys: state, entries, lease. Arguments: whether it replaces, the generation, the lease, the
/// expiry, the retention, and the owner if there is one.
pub(super) const CREATE: &str = r"
local old = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'end', 'owner')
local epoch = 1
if old[1] then
  if old[1] == ARGV[2] then return {'ok', old[2]} end
  local over = old[3] or redis.call('EXISTS', KEYS[3]) == 0
  local same = (old[4] or nil) == ARGV[6]
  if ARGV[1] ~= '1' or not over or not same then return {'exists'} end
  epoch = tonumber(old[2]) + 1
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'gen', ARGV[2], 'epoch', epoch, 'last', 0, 'first', 1,
  'lease', ARGV[3], 'expiry', ARGV[4], 'retention', ARGV[5])
if ARGV[6] then redis.call('HSET', KEYS[1], 'owner', ARGV[6]) end
redis.call('SET', KEYS[3], epoch, 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'ok', tostring(epoch)}
";

/// Keys: state, entries, lease. Arguments: generation, epoch, whether a gap may be, the first
/// number, and of each entry its letter and its bytes.
pub(super) const APPEND: &str = r"
local state = redis.call('HMGET', KEYS[1],
  'gen', 'epoch', 'last', 'end', 'stop', 'lease', 'expiry', 'retention')
if not state[1] then return {'missing'} end
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return {'fenced'} end
local last, first, count = tonumber(state[3]), tonumber(ARGV[4]), (#ARGV - 4) / 2
local had = math.max(0, last - first + 1)
if state[4] then
  if count > 0 and had >= count then return {'ok', state[3], state[5]} end
  return {'ended'}
end
if count > had and first + had > last + 1 and ARGV[3] ~= '1' then return {'lost', state[3]} end
local ended = false
for i = had, count - 1 do
  last = first + i
  local letter, bytes = ARGV[5 + 2 * i], ARGV[6 + 2 * i]
  redis.call('XADD', KEYS[2], string.format('%.0f-0', last), letter, bytes)
  if letter == 'z' then ended = bytes end
end
local lives = state[7]
local number = string.format('%.0f', last)
if ended then
  lives = state[8]
  redis.call('HSET', KEYS[1], 'last', number, 'end', ended)
  redis.call('DEL', KEYS[3])
else
  if count > had then redis.call('HSET', KEYS[1], 'last', number) end
  redis.call('SET', KEYS[3], state[2], 'PX', state[6])
end
redis.call('PEXPIRE', KEYS[1], lives)
redis.call('PEXPIRE', KEYS[2], lives)
return {'ok', number, state[5]}
";

/// Keys: state, entries, lease. Answers with the state, and the time left of the lease.
pub(super) const STATUS: &str = r"
local state = redis.call('HMGET', KEYS[1],
  'gen', 'epoch', 'first', 'last', 'end', 'stop', 'owner', 'snapshot_at')
if not state[1] then return {'missing'} end
table.insert(state, 1, 'ok')
state[10] = redis.call('PTTL', KEYS[3])
return state
";

/// Keys: state, entries, lease. Arguments: the one who asks.
pub(super) const STOP: &str = r"
local state = redis.call('HMGET', KEYS[1], 'gen', 'end')
if not state[1] then return {'missing'} end
if not state[2] then redis.call('HSETNX', KEYS[1], 'stop', ARGV[1]) end
return {'ok'}
";

/// Keys: state, entries, lease. Arguments: generation, epoch, and the text of the end.
pub(super) const DECLARE_LOST: &str = r"
local state = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'last', 'end', 'retention')
if not state[1] then return {'missing'} end
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] or state[4]
  or redis.call('EXISTS', KEYS[3]) == 1 then return {'no'} end
local number = string.format('%.0f', tonumber(state[3]) + 1)
redis.call('XADD', KEYS[2], number .. '-0', 'z', ARGV[3])
redis.call('HSET', KEYS[1], 'last', number, 'end', ARGV[3], 'epoch', tonumber(state[2]) + 1)
redis.call('PEXPIRE', KEYS[1], state[5])
redis.call('PEXPIRE', KEYS[2], state[5])
return {'ok'}
";

/// Keys: state, entries, lease. Arguments: generation, epoch, number, bytes, whether it trims, and
/// the ID of the first entry that it does not cover.
pub(super) const KEEP_SNAPSHOT: &str = r"
local state = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'last')
if not state[1] then return {'missing'} end
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return {'fenced'} end
if tonumber(ARGV[3]) > tonumber(state[3]) then return {'lost', state[3]} end
redis.call('HSET', KEYS[1], 'snapshot_at', ARGV[3], 'snapshot', ARGV[4])
if ARGV[5] == '1' then
  redis.call('XTRIM', KEYS[2], 'MINID', ARGV[6])
  redis.call('HSET', KEYS[1], 'first', string.format('%.0f', tonumber(ARGV[3]) + 1))
end
return {'ok'}
";
