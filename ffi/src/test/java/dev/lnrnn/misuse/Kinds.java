package dev.lnrnn.misuse;

import dev.lnrnn.CellType;
import dev.lnrnn.DataType;
import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Regularization;
import java.util.List;
import java.util.Random;

/** Small layers of every kind, in which everything is drawn that can be. */
final class Kinds {

    static final int INPUTS = 3;
    static final int HIDDEN = 4;
    private static final double PROBABILITY = 0.25;
    private static final double CLIP = 0.5;

    /** Of a cell, size and depth for which no value of any option is illegal. */
    static final LayerSpec RICHEST = projected(drawn(LayerSpec.lstm(INPUTS, HIDDEN).withLayers(2)), HIDDEN - 1, CLIP);

    private Kinds() {}

    /** Any of these types, and of these directions. */
    static LayerSpec any(Random random, List<DataType> types, List<Direction> directions) {
        LayerSpec cell = LayerSpec.of(one(random, List.of(CellType.values())), INPUTS, HIDDEN);
        return drawn(projected(cell, random.nextInt(HIDDEN + 2), random.nextBoolean() ? CLIP : 0)
                .withNormalization(one(random, cell.cell().normalizations()))
                .withDataType(one(random, types))
                .withDirection(one(random, directions))
                .withLayers(1 + random.nextInt(3))
                .withRecompute(random.nextBoolean())
                .withDeterministic(random.nextBoolean()));
    }

    static <T> T one(Random random, List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private static LayerSpec projected(LayerSpec spec, int width, double clip) {
        return spec.cell() != CellType.LSTM ? spec
                : spec.withProjection(width).withCellClip(clip);
    }

    private static LayerSpec drawn(LayerSpec spec) {
        boolean stack = spec.layers() > 1;
        return spec.withRegularization(new Regularization(PROBABILITY,
                spec.cell().carriesCell() ? PROBABILITY : 0,
                spec.cell() == CellType.INDRNN ? 0 : PROBABILITY,
                stack ? PROBABILITY : 0, stack, spec.cell().carriesCell() ? PROBABILITY : 0));
    }
}
