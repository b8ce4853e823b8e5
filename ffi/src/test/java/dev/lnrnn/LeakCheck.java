package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * After every test class nothing native is left: no handle, plan, stream, event, graph, or byte of memory. JUnit
 * finds this extension by itself (META-INF/services), so that no class can forget it.
 */
public final class LeakCheck implements AfterAllCallback {

    /** The usage when nothing is left. */
    public static final Usage NOTHING = new Usage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    @Override
    public void afterAll(ExtensionContext context) {
        assertEquals(NOTHING, Library.usage(),
                () -> context.getDisplayName() + " leaves native objects or memory behind");
    }
}
