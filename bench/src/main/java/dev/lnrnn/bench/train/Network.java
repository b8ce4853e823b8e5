package dev.lnrnn.bench.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.CellType;
import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import dev.lnrnn.bench.BadInputException;

/** The recurrent part of a forecaster, but for what it reads. */
@JsonNaming(SnakeCaseStrategy.class)
record Network(CellType cell, Normalization normalization, int layers, boolean bidirectional, int hidden,
        double zoneout, double dropconnect, double dropout) {

    /** Before anything is opened or read for it. */
    void checkLegal() {
        spec(1);
    }

    LayerSpec spec(int inputSize) {
        try {
            return LayerSpec.of(cell, inputSize, hidden)
                    .withNormalization(normalization)
                    .withLayers(layers)
                    .withDirection(bidirectional ? Direction.BIDIRECTIONAL : Direction.FORWARD)
                    .withZoneout(zoneout)
                    .withDropconnect(dropconnect)
                    .withDropout(dropout)
                    .validate();
        } catch (IllegalArgumentException e) {
            throw new BadInputException("There is no such network: " + e.getMessage() + ".");
        }
    }

    /** For people: "LSTM HASTE", "GRU NONE, 2 layers, bidirectional". */
    String title() {
        return cell + " " + normalization + (layers == 1 ? "" : ", " + layers + " layers")
                + (bidirectional ? ", bidirectional" : "");
    }

    /** What a checkpoint's layer is an instance of. */
    static Network of(LayerSpec spec) {
        return new Network(spec.cell(), spec.normalization(), spec.layers(), spec.direction() != Direction.FORWARD,
                Math.toIntExact(spec.hiddenSize()), spec.zoneout(), spec.dropconnect(), spec.dropout());
    }
}
