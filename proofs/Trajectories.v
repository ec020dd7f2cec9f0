(** * Trajectory entropy: the chain rule over all stages, and soft dynamic programming

    A trajectory of [k] stages is a list of [k] pairs of a state and an action.
    A trajectory of the book has H stages and, its first state being fixed, begins with an action;
    here the first state is drawn from [start], so its entropy is added (0 where it is fixed). *)

From Proofs Require Export Episodes.

(** All trajectories of [k] stages. *)
Fixpoint trajectories {State Action : Type} (M : process State Action) (k : nat) :
  list (list (State * Action)) :=
  match k with
  | O => [[]]
  | S j => map (fun xm => fst xm :: snd xm) (list_prod (pairs M) (trajectories M j))
  end.

(** The probability of a trajectory whose first state, at stage [h], has the law [from]. *)
Fixpoint trajectory_law {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) (from : State -> R)
  (m : list (State * Action)) : R :=
  match m with
  | [] => 1
  | x :: rest => joint from (π h) x * trajectory_law M π (S h) (next M h x) rest
  end.

(** The entropy of the next state, counted up to the last stage but one. *)
Definition transition_entropy {State Action : Type} (M : process State Action) (H h : nat)
  (sa : State * Action) : R :=
  if (S h <? H)%nat then entropy (states M) (next M h sa) else 0.

Lemma trajectory_sum : forall {State Action : Type} (M : process State Action) (k : nat)
  (f : list (State * Action) -> R),
  sum (trajectories M (S k)) f
  = sum (list_prod (pairs M) (trajectories M k)) (fun xm => f (fst xm :: snd xm)).
Proof. intros. simpl. apply sum_map. Qed.

Lemma trajectory_distribution : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (k h : nat) (from : State -> R),
  well_formed M -> policy M π -> distribution (states M) from ->
  distribution (trajectories M k) (trajectory_law M π h from).
Proof.
  intros State Action M π k. induction k as [|k IH]; intros h from well pol dist.
  - split; [intros m [here|none]; [subst m; simpl; lra|contradiction none]|simpl; lra].
  - assert (whole : distribution (list_prod (pairs M) (trajectories M k))
      (joint (joint from (π h)) (fun x => trajectory_law M π (S h) (next M h x)))).
    { apply joint_distribution; [apply joint_distribution; [exact dist|apply pol]|].
      intros x inside. apply IH; [exact well|exact pol|apply well, inside]. }
    split.
    + intros m inside. apply in_map_iff in inside. destruct inside as [xm [made inside]].
      subst m. exact (proj1 whole xm inside).
    + rewrite trajectory_sum. apply whole.
Qed.

(** The entropy to go from a state when [k] stages are left, the last of them H - 1. *)
Fixpoint entropy_to_go {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H k : nat) (s : State) : R :=
  match k with
  | O => 0
  | S j =>
      let h := (H - S j)%nat in
      entropy (actions M) (π h s)
      + mean (actions M) (π h s) (fun a => transition_entropy M H h (s, a)
          + mean (states M) (next M h (s, a)) (entropy_to_go M π H j))
  end.

(** Splitting off one stage after another: H(from) + the entropy to go. *)
Lemma trajectory_entropy_backward : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H k : nat) (from : State -> R),
  well_formed M -> policy M π -> distribution (states M) from -> (S k <= H)%nat ->
  entropy (trajectories M (S k)) (trajectory_law M π (H - S k) from)
  = entropy (states M) from + mean (states M) from (entropy_to_go M π H (S k)).
Proof.
  intros State Action M π H k. induction k as [|k IH]; intros from well pol dist few.
  - assert (split_off : entropy (trajectories M 1) (trajectory_law M π (H - 1) from)
      = entropy (pairs M) (joint from (π (H - 1)%nat))).
    { unfold entropy. rewrite trajectory_sum, sum_pairs. f_equal. apply sum_ext.
      intros x _. simpl. rewrite !Rmult_1_r. ring. }
    rewrite split_off. unfold pairs. rewrite chain_rule by (try apply pol; assumption).
    f_equal. apply mean_ext. intros s inside. simpl entropy_to_go.
    assert (none : transition_entropy M H (H - 1) = fun _ => 0).
    { extensionality sa. unfold transition_entropy.
      assert (e : (S (H - 1) <? H)%nat = false) by (apply Nat.ltb_ge; lia).
      rewrite e. reflexivity. }
    rewrite none. unfold mean at 1. rewrite sum_zero; [ring|]. intros a _.
    unfold mean. rewrite sum_zero by (intros; ring). ring.
  - set (h := (H - S (S k))%nat).
    assert (later : (H - S k)%nat = S h) by (unfold h; lia).
    assert (first : distribution (pairs M) (joint from (π h)))
      by (apply joint_distribution; [exact dist|apply pol]).
    assert (split_off : entropy (trajectories M (S (S k))) (trajectory_law M π h from)
      = entropy (list_prod (pairs M) (trajectories M (S k)))
          (joint (joint from (π h)) (fun x => trajectory_law M π (S h) (next M h x)))).
    { unfold entropy. rewrite trajectory_sum. reflexivity. }
    rewrite split_off, chain_rule.
    2: exact first.
    2: { intros x inside. apply trajectory_distribution; try assumption. apply well, inside. }
    rewrite (mean_ext (pairs M) (joint from (π h)) _
      (fun x => transition_entropy M H h x
        + mean (states M) (next M h x) (entropy_to_go M π H (S k)))).
    2: { intros x inside. rewrite <- later, IH by (try assumption; try lia; apply well, inside).
      unfold transition_entropy.
      assert (e : (S h <? H)%nat = true) by (apply Nat.ltb_lt; unfold h; lia).
      rewrite e. reflexivity. }
    unfold pairs. rewrite chain_rule by (try apply pol; assumption).
    rewrite joint_mean, Rplus_assoc. f_equal.
    rewrite <- mean_plus. apply mean_ext. intros s _. reflexivity.
Qed.

(** The value of rewards that are paid along an episode, by the flow of its policy. *)
Lemma entropy_to_go_forward : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π ->
  mean (states M) (start M) (entropy_to_go M π H H)
  = ∑ h ∈ seq 0 H, (mean (states M) (state_law M π h) (fun s => entropy (actions M) (π h s))
      + mean (pairs M) (visits M π h) (transition_entropy M H h)).
Proof.
  intros State Action M π H well pol.
  set (V := fun h => entropy_to_go M π H (H - h)).
  assert (ends : forall s, In s (states M) -> V H s = 0).
  { intros s _. unfold V. rewrite Nat.sub_diag. reflexivity. }
  assert (telescoped := flow_telescope M H (visits M π) V (visits_flow M π H well pol) ends).
  unfold V at 3 in telescoped. rewrite Nat.sub_0_r in telescoped. rewrite <- telescoped.
  apply sum_ext. intros h stage. apply in_seq_0 in stage.
  unfold visits, pairs. rewrite !joint_mean, <- mean_plus. apply mean_ext. intros s inside.
  rewrite mean_minus. cbn [fst]. rewrite mean_const by apply (pol h s inside).
  unfold V. replace (H - h)%nat with (S (H - S h)) by lia. cbn [entropy_to_go].
  replace (H - S (H - S h))%nat with h by lia. rewrite mean_plus. ring.
Qed.

(** Label: thm-traj-chain-rule.
    Covers: the formula for Markov policies.
    Words: the trajectory entropy is the sum over all stages of E H(pi_h(.|s_h)) plus the sum over
    all stages but the last of E H(p_h(.|s_h,a_h)), plus the entropy of the first state.
    Narrower: Markov policies; the sentence on general policies is not treated.
    Wider: any law of the first state. *)
Theorem trajectory_chain_rule : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π -> (0 < H)%nat ->
  entropy (trajectories M H) (trajectory_law M π 0 (start M))
  = entropy (states M) (start M)
    + ∑ h ∈ seq 0 H, mean (states M) (state_law M π h) (fun s => entropy (actions M) (π h s))
    + ∑ h ∈ seq 0 (H - 1), mean (pairs M) (visits M π h)
        (fun sa => entropy (states M) (next M h sa)).
Proof.
  intros State Action M π H well pol stages.
  destruct H as [|k]; [lia|].
  assert (back := trajectory_entropy_backward M π (S k) k (start M) well pol
    (proj1 (proj2 well)) (Nat.le_refl _)).
  rewrite Nat.sub_diag in back. rewrite back, entropy_to_go_forward by assumption.
  rewrite sum_plus, Rplus_assoc. f_equal. f_equal.
  replace (S k - 1)%nat with k by lia. rewrite sum_stages.
  assert (last : mean (pairs M) (visits M π k) (transition_entropy M (S k) k) = 0).
  { unfold mean. apply sum_zero. intros sa _. unfold transition_entropy.
    rewrite Nat.ltb_irrefl. ring. }
  rewrite last, Rplus_0_r. apply sum_ext. intros h stage. apply in_seq_0 in stage.
  apply mean_ext. intros sa _. unfold transition_entropy.
  assert (e : (S h <? S k)%nat = true) by (apply Nat.ltb_lt; lia). rewrite e. reflexivity.
Qed.

(** ** The gap between visitation and trajectory entropy *)

(** One stage of the chain of pairs: the next state, then its action. *)
Definition chain {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) (sa : State * Action) : State * Action -> R :=
  joint (next M h sa) (π (S h)).

Lemma chain_visits : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) (sa : State * Action),
  push (pairs M) (chain M π h) (visits M π h) sa = visits M π (S h) sa.
Proof.
  intros State Action M π h sa. unfold push, chain, visits at 2, joint at 2. simpl.
  unfold push. rewrite <- sum_scal_r. apply sum_ext. intros. unfold visits, joint. ring.
Qed.

(** Label: thm-visit-traj-gap.
    Covers: the whole statement.
    Words: for a Markov policy, H_visit - H_traj is the sum over the stages h >= 2 of the mutual
    information I(x_{h-1}; x_h) of successive pairs, and it is not negative.
    Wider: any law of the first state. *)
Theorem visit_trajectory_gap : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π -> (0 < H)%nat ->
  let gap := visit_entropy M H (visits M π)
    - entropy (trajectories M H) (trajectory_law M π 0 (start M)) in
  gap = ∑ h ∈ seq 0 (H - 1), information (pairs M) (pairs M) (visits M π h) (chain M π h)
  /\ 0 <= gap.
Proof.
  intros State Action M π H well pol stages gap.
  assert (info : forall h,
    information (pairs M) (pairs M) (visits M π h) (chain M π h)
    = entropy (pairs M) (visits M π (S h))
      - mean (pairs M) (visits M π h) (fun sa => entropy (states M) (next M h sa))
      - mean (states M) (state_law M π (S h)) (fun s => entropy (actions M) (π (S h) s))
    /\ 0 <= information (pairs M) (pairs M) (visits M π h) (chain M π h)).
  { intro h.
    assert (stochastic : forall x, In x (pairs M) -> distribution (pairs M) (chain M π h x)).
    { intros x inside. apply joint_distribution; [apply well, inside|apply pol]. }
    destruct (information_entropy (pairs M) (pairs M) (visits M π h) (chain M π h)
      (visits_distribution M π h well pol) stochastic) as [value nonneg].
    split; [|exact nonneg]. rewrite value.
    rewrite (entropy_ext (pairs M) (push _ _ _) (visits M π (S h)))
      by (intros; apply chain_visits).
    rewrite (mean_ext (pairs M) (visits M π h) (fun x => entropy (pairs M) (chain M π h x))
      (fun x => entropy (states M) (next M h x)
        + mean (states M) (next M h x) (fun s => entropy (actions M) (π (S h) s)))).
    - rewrite mean_plus. simpl state_law. rewrite push_mean. unfold visits. ring.
    - intros x inside. apply chain_rule; [apply well, inside|apply pol]. }
  assert (value : gap
    = ∑ h ∈ seq 0 (H - 1), information (pairs M) (pairs M) (visits M π h) (chain M π h)).
  { rewrite (sum_ext _ _ _ (fun h _ => proj1 (info h))). unfold gap.
    rewrite trajectory_chain_rule by assumption. destruct H as [|k]; [lia|].
    replace (S k - 1)%nat with k by lia. rewrite !sum_minus.
    assert (shift : forall f : nat -> R,
      ∑ h ∈ seq 0 (S k), f h = f 0%nat + ∑ h ∈ seq 0 k, f (S h)).
    { intro f. simpl. rewrite <- seq_shift, sum_map. reflexivity. }
    unfold visit_entropy. rewrite !shift.
    assert (begin := chain_rule (states M) (actions M) (start M) (π 0%nat)
      (proj1 (proj2 well)) (pol 0%nat)).
    change (joint (start M) (π 0%nat)) with (visits M π 0) in begin.
    change (list_prod (states M) (actions M)) with (pairs M) in begin.
    rewrite begin. change (state_law M π 0) with (start M). ring. }
  split; [exact value|]. rewrite value. apply sum_nonneg. intros h _. apply info.
Qed.

(** ** Soft dynamic programming *)

(** V*_h with [k] stages left: log sum_a e^{Q*_h(s,a)},
    Q*_h(s,a) = H(p_h(.|s,a)) + (p_h V*_{h+1})(s,a), and Q* = 0 at the last stage. *)
Fixpoint soft_value {State Action : Type} (M : process State Action) (H k : nat) (s : State) : R :=
  match k with
  | O => 0
  | S j =>
      let h := (H - S j)%nat in
      logsumexp (actions M) (fun a => transition_entropy M H h (s, a)
        + mean (states M) (next M h (s, a)) (soft_value M H j))
  end.

Definition soft_V {State Action : Type} (M : process State Action) (H h : nat) : State -> R :=
  soft_value M H (H - h).

Definition soft_Q {State Action : Type} (M : process State Action) (H h : nat) (s : State)
  (a : Action) : R :=
  transition_entropy M H h (s, a) + mean (states M) (next M h (s, a)) (soft_V M H (S h)).

Definition soft_policy {State Action : Type} (M : process State Action) (H h : nat) (s : State) :
  Action -> R := softmax (actions M) (soft_Q M H h s).

Lemma soft_recursion : forall {State Action : Type} (M : process State Action) (H h : nat)
  (s : State),
  (h < H)%nat -> soft_V M H h s = logsumexp (actions M) (soft_Q M H h s).
Proof.
  intros State Action M H h s stage. unfold soft_V, soft_Q.
  destruct (H - h)%nat as [|k] eqn:togo; [lia|]. cbn [soft_value].
  replace (H - S k)%nat with h by lia. unfold soft_V.
  replace (H - S h)%nat with k by lia. reflexivity.
Qed.

(** Label: thm-mtee-soft-dp.
    Covers: the loss of a Markov policy.
    Words: V*_1(s_1) - H_traj(q^pi) = E_pi of the sum over the stages of KL(pi_h || pi*_h)(s_h), for
    the values and the policy of the soft recursion; so no Markov policy exceeds V*_1(s_1).
    Narrower: Markov policies; history-dependent ones are not treated.
    Wider: any law of the first state, its entropy added. *)
Theorem soft_dp_loss : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π -> (0 < H)%nat ->
  let best := entropy (states M) (start M) + mean (states M) (start M) (soft_V M H 0) in
  let trajectory_entropy := entropy (trajectories M H) (trajectory_law M π 0 (start M)) in
  best - trajectory_entropy
  = ∑ h ∈ seq 0 H, mean (states M) (state_law M π h)
      (fun s => kl (actions M) (π h s) (soft_policy M H h s))
  /\ trajectory_entropy <= best.
Proof.
  intros State Action M π H well pol stages best trajectory_entropy.
  assert (loss : best - trajectory_entropy
    = ∑ h ∈ seq 0 H, mean (states M) (state_law M π h)
        (fun s => kl (actions M) (π h s) (soft_policy M H h s))).
  { unfold best, trajectory_entropy. destruct H as [|k]; [lia|].
    assert (back := trajectory_entropy_backward M π (S k) k (start M) well pol
      (proj1 (proj2 well)) (Nat.le_refl _)).
    rewrite Nat.sub_diag in back. rewrite back, entropy_to_go_forward by assumption.
    clear back. set (H := S k) in *.
    assert (ends : forall s, In s (states M) -> soft_V M H H s = 0).
    { intros s _. unfold soft_V. rewrite Nat.sub_diag. reflexivity. }
    rewrite <- (flow_telescope M H (visits M π) (soft_V M H)
      (visits_flow M π H well pol) ends).
    match goal with |- ?e + ?a - (?e + ?b) = ?c => cut (a - b = c); [lra|] end.
    rewrite <- sum_minus. apply sum_ext. intros h stage. apply in_seq_0 in stage.
    unfold visits, pairs. rewrite !joint_mean, <- mean_plus, <- mean_minus.
    apply mean_ext. intros s inside. assert (total := proj2 (pol h s inside)).
    rewrite mean_minus. cbn [fst]. rewrite mean_const by exact total.
    assert (g := gibbs (actions M) (π h s) (soft_Q M H h s) total).
    rewrite <- soft_recursion in g by exact stage.
    unfold soft_Q in g at 1. rewrite mean_plus in g. unfold soft_policy. lra. }
  split; [exact loss|]. cut (0 <= best - trajectory_entropy); [lra|]. rewrite loss.
  apply sum_nonneg. intros h _. apply sum_nonneg. intros s inside.
  apply Rmult_le_pos; [apply (state_law_distribution M π h well pol), inside|].
  apply kl_nonneg; [apply pol, inside|apply softmax_distribution, (proj1 well)|].
  apply softmax_dominates, (proj1 well).
Qed.
