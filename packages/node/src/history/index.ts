/** What rules read of agents' past, for the node's next start. */
export { HistoryJournal, type HistoryJournalOptions } from "./history-journal.ts";
