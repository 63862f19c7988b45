/** What is kept of episodes, so that a node that was killed and starts again does not act in them again. */
export {
  EpisodeJournal,
  type EpisodeJournalOptions,
  type LostEpisode,
  type LostState,
} from "./journal.ts";
