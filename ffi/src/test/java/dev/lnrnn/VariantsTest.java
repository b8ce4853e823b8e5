package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The sweeps leave nothing out. */
class VariantsTest {

    @Test
    void allAreDifferentAndAsManyAsCanBeCounted() {
        List<LayerSpec> all = Variants.all(3, 4);
        // Per normalisation what can be on or off: of the LSTM h, c and R in 2 shapes of one layer, and in 2 of
        // two layers three kinds of dropout besides; of the GRU h and R; of the IndRNN h.
        int lstm = CellType.LSTM.normalizations().size() * (2 * 8 + 2 * 24);
        int gru = CellType.GRU.normalizations().size() * (2 * 4 + 2 * 12);
        int indrnn = CellType.INDRNN.normalizations().size() * (2 * 2 + 2 * 6);
        int kept = lstm + gru + indrnn;
        assertEquals(2 * kept,
                all.stream().filter(spec -> spec.projectionSize() == 0 && spec.cellClip() == 0).count());
        assertEquals(all.size(), new HashSet<>(all).size());
    }

    @Test
    void aFewShowEveryPair() {
        List<LayerSpec> all = Variants.all(3, 4);
        List<LayerSpec> few = Variants.covering(all, Variants::options);
        assertTrue(few.size() < all.size() / 20, few.size() + " of " + all.size());
        assertEquals(pairs(all), pairs(few));
    }

    private static Set<List<Object>> pairs(List<LayerSpec> specs) {
        Set<List<Object>> pairs = new HashSet<>();
        for (LayerSpec spec : specs) {
            List<Object> options = Variants.options(spec);
            for (int i = 0; i < options.size(); i++) {
                for (int j = 0; j < options.size(); j++) {
                    pairs.add(List.of(i, options.get(i), j, options.get(j)));
                }
            }
        }
        return pairs;
    }
}
