package dev.lnrnn.interop;

import java.util.Collection;
import java.util.Iterator;

/** Names of a file in messages: whatever they hold, a message stays short and one line. */
final class Quoted {
    private static final int MAX_LENGTH = 100;
    private static final int MAX_NAMES = 20;

    private Quoted() {}

    /** In quotes. */
    static String of(String name) {
        return "\"" + inner(name) + "\"";
    }

    /** Without control characters and half characters, cut where it is long. */
    static String inner(String name) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(name.length(), MAX_LENGTH); i++) {
            char c = name.charAt(i);
            text.append(Character.isISOControl(c) || Character.isSurrogate(c) ? String.format("\\u%04X", (int) c) : c);
        }
        return text.append(name.length() > MAX_LENGTH ? "..." : "").toString();
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
