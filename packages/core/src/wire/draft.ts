/** A message while it is being read. */
export type Draft<Message> = { -readonly [Field in keyof Message]: Message[Field] };
