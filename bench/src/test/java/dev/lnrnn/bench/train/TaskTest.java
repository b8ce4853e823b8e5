package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.bench.BadInputException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** On a ramp, where the value is its own index. */
class TaskTest {

    private static Task ramp(int horizon, double... periods) {
        double[] values = new double[200];
        Arrays.setAll(values, i -> i);
        return new Task(new Series("ramp", values, Arrays.stream(periods).boxed().toList()), horizon);
    }

    @Test
    void holdsOutTheLastFifth() {
        Task task = ramp(3, 7);
        assertEquals(160, task.split());
        assertEquals(40, task.holdoutSize());
        assertEquals(197, task.origins());
        assertEquals(157, task.trainingOrigins());
        assertEquals(160, task.holdoutTargets()[0]);
        assertEquals(199, task.holdoutTargets()[39]);
    }

    @Test
    void refusesHorizonsThatAreTooLong() {
        BadInputException refusal = assertThrows(BadInputException.class, () -> ramp(21, 7));
        assertEquals("The horizon is 21; expected 1 to 20, a tenth of the series.", refusal.getMessage());
        assertThrows(BadInputException.class, () -> ramp(0, 7));
    }

    @Test
    void persistenceIsTheLatestValueKnown() {
        assertEquals(160 - 3, Baselines.persistence(ramp(3, 7))[0]);
    }

    @Test
    void seasonalNaiveGoesBackByWholeSeasonsThatAreKnown() {
        assertEquals(160 - 7, Baselines.seasonalNaive(ramp(3, 7))[0]);
        assertEquals(160 - 7, Baselines.seasonalNaive(ramp(7, 7))[0]);
        assertEquals(160 - 14, Baselines.seasonalNaive(ramp(8, 7))[0]);
    }

    @Test
    void meanAbsoluteErrorIgnoresSigns() {
        assertEquals(1.5, Baselines.meanAbsoluteError(new double[] {1, 4}, new double[] {2, 2}));
    }

    @Test
    void scalesByTheTrainingPartAlone() {
        Task task = ramp(1, 7);
        Scaler scaler = task.scaler();
        assertEquals(79.5, scaler.mean(), 1e-12);
        assertEquals(Math.sqrt((160.0 * 160 - 1) / 12), scaler.deviation(), 1e-12);
        assertEquals(42, scaler.unscale(scaler.scale(42)), 1e-12);
    }

    @Test
    void aConstantSeriesIsRefused() {
        BadInputException refusal = assertThrows(BadInputException.class,
                () -> Scaler.fit(new double[] {5, 5, 5, 6}, 3));
        assertEquals("The first 3 points of the series are all 5.0; there is nothing to learn.", refusal.getMessage());
    }

    @Test
    void inputsAreWhatIsKnownAtTheOrigin() {
        Task task = ramp(3, 4);
        Inputs inputs = Inputs.of(task, new Scaler(0, 1));
        assertEquals(197, inputs.rows());
        // The value, the season-mate, and two harmonics of a period of 4.
        assertEquals(6, inputs.width());
        assertEquals(13 - 9, inputs.target()[10]);
        assertEquals(9 + 5, inputs.corrected(10, 5));
        float[] row = Arrays.copyOfRange(inputs.x(), 10 * 6, 11 * 6);
        double angle = 2 * Math.PI * 13 / 4;
        float[] expected = {10, 9, (float) Math.sin(angle), (float) Math.cos(angle),
            (float) Math.sin(2 * angle), (float) Math.cos(2 * angle)};
        assertArrayEquals(expected, row);
        assertEquals(0, inputs.x()[1], "the series has not begun a season before point 3");
    }

    @Test
    void ridgeFindsALinearRule() {
        double[] values = new double[400];
        values[0] = 1;
        for (int i = 1; i < values.length; i++) {
            values[i] = 0.5 * values[i - 1] + Math.sin(i);
        }
        Task task = new Task(new Series("rule", values, List.of(1.0)), 1);
        Inputs inputs = Inputs.of(task, task.scaler());
        Ridge ridge = Ridge.fit(inputs, task.trainingOrigins(), 16);
        for (int origin = task.trainingOrigins(); origin < task.origins(); origin++) {
            assertEquals(inputs.target()[origin], ridge.forecast(origin), 0.05);
        }
    }
}
