package dev.lnrnn.interop;

import java.util.Collection;
import java.util.Iterator;

/** Names of a file in messages: whatever they hold, a message stays short and one line. */
final class Quoted {
    private static final int MAX_LENGTH = 100;
    private static final int MAX_SENTENCE = 400;
    private static final int MAX_NAMES = 20;

    private Quoted() {}

    /** In quotes. */
    static String of(String name) {
        return "\"" + inner(name) + "\"";
    }

    /** Without control characters and half characters, cut where it is long. */
    static String inner(String name) {
        return harmless(name, MAX_LENGTH);
    }

    /** The same of a sentence that may quote a file. */
    static String sentence(String text) {
        return harmless(text, MAX_SENTENCE);
    }

    private static String harmless(String text, int length) {
        StringBuilder harmless = new StringBuilder();
        for (int i = 0; i < Math.min(text.length(), length); i++) {
            char c = text.charAt(i);
            boolean shown = !Character.isISOControl(c) && !Character.isSurrogate(c);
            harmless.append(shown ? c : String.format("\\u%04X", (int) c));
        }
        return harmless.append(text.length() > length ? "..." : "").toString();
    }

    static String list(Collection<String> names) {
        StringBuilder text = new StringBuilder("[");
        Iterator<String> rest = names.iterator();
        for (int i = 0; i < MAX_NAMES && rest.hasNext(); i++) {
            text.append(i == 0 ? "" : ", ").append(of(rest.next()));
        }
        return text.append(rest.hasNext() ? ", and " + (names.size() - MAX_NAMES) + " others]" : "]").toString();
    }
}
