/**
 * What Redis runs in one step. Each script touches one key, so a cluster takes them as well. A lease is a hash of
 * `holder` (absent: released), `until` (ms by the server's clock), `token` and `value`.
 */

/** A record without a value is forgotten this long after its end; till then its token guards against a clock set back. */
const KEEP_MS = 3_600_000;

const HEAD = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function forget(ms)
  if redis.call('HEXISTS', KEYS[1], 'value') == 1 then redis.call('PERSIST', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], text(ms + ${KEEP_MS})) end
end
local function granted()
  local slot = redis.call('HMGET', KEYS[1], 'holder', 'token')
  return slot[1] and slot[2] == ARGV[1]
end
`;

const acquire = `${HEAD}
local slot = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
if slot[1] and tonumber(slot[2]) > now then return false end
-- Never behind the clock, so that tokens grow over the loss of the data too.
local token = text(math.max((tonumber(slot[3]) or 0) + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', text(now + ARGV[2]), 'token', token)
forget(tonumber(ARGV[2]))
return token`;

const renew = `${HEAD}
if not granted() then return 0 end
redis.call('HSET', KEYS[1], 'until', text(now + ARGV[2]))
forget(tonumber(ARGV[2]))
return 1`;

const release = `${HEAD}
if not granted() then return 0 end
redis.call('HDEL', KEYS[1], 'holder', 'until')
forget(0)
redis.call('PUBLISH', ARGV[2], '')
return 1`;

const holder = `${HEAD}
local slot = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
if not slot[1] or tonumber(slot[2]) <= now then return false end
return { slot[1], slot[3], text(slot[2] - now) }`;

const put = `${HEAD}
if not granted() then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
redis.call('PERSIST', KEYS[1])
return 1`;

const remove = `${HEAD}
if not granted() then return 0 end
redis.call('HDEL', KEYS[1], 'value')
forget(math.max(redis.call('HGET', KEYS[1], 'until') - now, 0))
return 1`;

const join = `${HEAD}
redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], text(last[2]))
return 1`;

const members = `${HEAD}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

/** The scripts as methods of a client. */
export interface Scripted {
  storeAcquire(key: string, holder: string, ttl: number): Promise<string | null>;
  storeRenew(key: string, token: string, ttl: number): Promise<0 | 1>;
  storeRelease(key: string, token: string, channel: string): Promise<0 | 1>;
  storeHolder(key: string): Promise<[holder: string, token: string, remaining: string] | null>;
  storePut(key: string, token: string, value: Buffer): Promise<0 | 1>;
  storeRemove(key: string, token: string): Promise<0 | 1>;
  storeJoin(group: string, member: string, ttl: number): Promise<1>;
  storeMembers(group: string): Promise<string[]>;
}

const one = (lua: string) => ({ lua, numberOfKeys: 1 });

export const scripts = {
  storeAcquire: one(acquire),
  storeRenew: one(renew),
  storeRelease: one(release),
  storeHolder: one(holder),
  storePut: one(put),
  storeRemove: one(remove),
  storeJoin: one(join),
  storeMembers: one(members),
} satisfies Record<keyof Scripted, { lua: string; numberOfKeys: number }>;
