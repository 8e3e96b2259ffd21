/**
 * The alphabet of the value format: the first byte of every value. Bytes below 0x80 are the integers 0 to 127 and
 * 0x80 to 0xbf are ASCII strings of 0 to 63 characters, because these two are most of what calls carry.
 */
export const SHORT_TEXT = 0x80;
export const SHORT_TEXT_MAX = 63;

export const Tag = {
  undefined: 0xc0,
  null: 0xc1,
  false: 0xc2,
  true: 0xc3,
  int32: 0xc4,
  float64: 0xc5,
  bigint64: 0xc6,
  bigint: 0xc7,
  /** Byte length, then UTF-8. */
  text: 0xc8,
  /** Byte length, then UTF-16: a string with a lone surrogate, which UTF-8 cannot carry. */
  utf16: 0xc9,
  /** An object that came earlier in this message, by its number. */
  seen: 0xca,
  array: 0xcb,
  /** A long list of numbers, as msgpackr packs it. */
  numbers: 0xe5,
  /** A plain object: its key count, its keys, then the values. The keys become the next shape of this message. */
  object: 0xcc,
  /** A plain object with the keys of an earlier one. */
  shaped: 0xcd,
  map: 0xce,
  set: 0xcf,
  date: 0xd0,
  regexp: 0xd1,
  buffer: 0xd2,
  /** A typed array that owns all of its buffer: kind, byte length, bytes. */
  typedArray: 0xd3,
  /** A typed array over a buffer that other views share: kind, offset, length, buffer. */
  view: 0xd4,
  error: 0xd5,
  domException: 0xd6,
  boxed: 0xd7,
  url: 0xd8,
  searchParams: 0xd9,
  headers: 0xda,
  wellKnownSymbol: 0xdb,
  registeredSymbol: 0xdc,
  uniqueSymbol: 0xdd,
  /** An array with holes or named properties: only its length; the elements follow as properties. */
  sparse: 0xde,
  /** A value, then what a plain one does not have: class or prototype, property attributes, frozenness. */
  decorated: 0xdf,
  intrinsic: 0xe0,
  builtin: 0xe1,
  closure: 0xe2,
  source: 0xe3,
  class: 0xe4,
  /** Something alive that stays where it is: kind, number, then a value that says more. */
  handle: 0xe6,
} as const;

/** What follows a decorated value. */
export const Decoration = { class: 1, prototype: 2, noPrototype: 4, inextensible: 8, frozen: 16 } as const;

/** How one property of a decorated value is defined. */
export const Attribute = { enumerable: 1, writable: 2, configurable: 4, accessor: 8 } as const;
